import assert from "node:assert/strict";
import { resolveAgentUrl } from "../worker/resolve_url.ts";
import { takesToken } from "./token_agents.ts";

const ORIGIN = {
  baseUrl: "https://ref.supabase.co",
  allowedAgentHosts: ["agents.example.com", "agents.example.com.evil.example"],
};

/** As the worker asks, about calls that it would make. */
function ask(call: string, ...prefixes: string[]): boolean {
  const resolved = resolveAgentUrl(call, ORIGIN);
  assert.ok("url" in resolved, call);
  return takesToken(resolved.url, resolved.isOwn, prefixes);
}

Deno.test("an agent takes tokens if its call begins with what the setting lists", () => {
  assert.equal(ask("/functions/v1/ai-seed-plan", "/functions/v1/ai-"), true);
  assert.equal(
    ask("/functions/v1/agents/a/b?x=1", "/functions/v1/other/", "/functions/v1/agents/"),
    true,
  );
  assert.equal(ask("/functions/v1/agents", "/functions/v1/agents/"), true);
  assert.equal(ask("/functions/v1/agents-of-others", "/functions/v1/agents/"), false);
  assert.equal(ask("/functions/v1/agents/a"), false);
});

Deno.test("no spelling of an agent that takes tokens is called with the service key", () => {
  for (
    const call of [
      "/functions/v1/Agents/a",
      "/functions/v1/%61gents/a",
      "/functions/v1/agents//a",
      "/functions//v1/agents/a",
      "/Functions/V1/agents/a",
      "/functions/v1/agents/a?b=/../c",
    ]
  ) assert.equal(ask(call, "/functions/v1/agents/a"), true, call);
});

Deno.test("the orchestrator's own routes take service keys, whatever is listed", () => {
  for (const prefix of ["/", "/functions/v1/", "/functions/v1/orchestrator/"]) {
    assert.equal(ask("/functions/v1/orchestrator/deliveries", prefix), false);
    assert.equal(ask("/functions/v1/cron-orchestrator", prefix), false);
  }
  assert.equal(ask("/functions/v1/orchestrator-of-mine/a", "/functions/v1/"), true);
});

Deno.test("an https:// URL lists agents of one host, and of no longer name", () => {
  const listed = "https://agents.example.com/v2";
  assert.equal(ask("https://agents.example.com/v2/plan", listed), true);
  assert.equal(ask("https://agents.example.com/v1/plan", listed), false);
  assert.equal(ask("https://agents.example.com.evil.example/v2/plan", listed), false);
  assert.equal(
    ask("https://agents.example.com.evil.example/", "https://agents.example.com"),
    false,
  );
  assert.equal(ask("https://agents.example.com/functions/v1/a", "/functions/v1/"), false);
});
