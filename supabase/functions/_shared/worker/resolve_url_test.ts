import assert from "node:assert/strict";
import { type AgentOrigin, resolveAgentUrl } from "./resolve_url.ts";

const origin: AgentOrigin = {
  baseUrl: "https://ref.supabase.co/",
  allowedAgentHosts: ["agents.example.com", "agents.example.com:8443"],
};

const resolve = (call: string) => {
  const resolved = resolveAgentUrl(call, origin);
  return "refusal" in resolved ? resolved.refusal : `${resolved.isOwn} ${resolved.url.href}`;
};

Deno.test("a path is the project's own", () => {
  assert.equal(
    resolve("/functions/v1/agent-proxy/notify?x=1"),
    "true https://ref.supabase.co/functions/v1/agent-proxy/notify?x=1",
  );
});

Deno.test("an https URL of an allowed host is not the project's own", () => {
  assert.equal(resolve("https://agents.example.com/a"), "false https://agents.example.com/a");
  assert.equal(resolve("https://AGENTS.example.com:443/"), "false https://agents.example.com/");
  assert.equal(
    resolve("https://agents.example.com:8443/"),
    "false https://agents.example.com:8443/",
  );
});

Deno.test("paths that lead to another host are refused", () => {
  for (const call of ["//evil.example/x", "/\\evil.example/x", "/\t/evil.example/x"]) {
    assert.match(resolve(call), /^call /, call);
  }
});

Deno.test("hosts outside the list, other ports, other schemes and credentials are refused", () => {
  for (
    const call of [
      "https://evil.example/",
      "https://agents.example.com:9443/",
      "https://agents.example.com.evil.example/",
      "https://agents.example.com@evil.example/",
      "https://a:b@agents.example.com/",
      "http://agents.example.com/",
      "file:///etc/passwd",
      "not a url",
      "",
    ]
  ) {
    assert.match(resolve(call), /^call /, call);
  }
});
