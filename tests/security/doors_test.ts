// Every door that takes a URL, or a name that could be taken for one, refuses every spelling of what must
// not be called, and nothing on this machine hears of it.
import assert from "node:assert/strict";
import { callAgent } from "../../supabase/functions/_shared/worker/call.ts";
import { compileWorkflow } from "../../supabase/functions/_shared/workflow/compile.ts";
import { postMessage } from "../../supabase/functions/_shared/notify/post.ts";
import { readSettings } from "../../supabase/functions/_shared/contract/settings.ts";
import { expectProblem, openHttpStack } from "../http/http_stack.ts";
import { listClosedUrls } from "./spellings.ts";

const it = await openHttpStack({
  env: {
    ORCHESTRATOR_ALLOWED_AGENT_HOSTS: "agents.example.com",
    ORCHESTRATOR_ALLOWED_WEBHOOK_HOSTS: "hooks.example.com:9443",
  },
});
/** What listens on this machine, and must not be reached. */
let reached = 0;
const machine = Deno.listen({ hostname: "0.0.0.0", port: 0 });
const watching = (async () => {
  for await (const connection of machine) {
    reached++;
    connection.close();
  }
})();
Deno.test.afterAll(async () => {
  machine.close();
  await watching;
  await it.stop();
});

const URLS = listClosedUrls(machine.addr.port);
const settings = readSettings(() => undefined, { allowed_agent_hosts: ["agents.example.com"] });

/** Tries every spelling at a door, some at a time; `door` throws for one that it lets pass. */
async function tryAll(door: (url: string) => void | Promise<void>): Promise<void> {
  for (let at = 0; at < URLS.length; at += 20) {
    await Promise.all(URLS.slice(at, at + 20).map(door));
  }
  assert.equal(reached, 0, "something on this machine was reached");
}

const compile = (step: Record<string, unknown>) => {
  const steps = [{ id: "a", ...step }];
  return compileWorkflow(JSON.stringify({ key: "w", trigger: { type: "manual" }, steps }), {
    settings,
  });
};

Deno.test("a workflow whose step calls one of them is not published", async () => {
  assert.ok(compile({ call: "https://agents.example.com/a" }).ok, "what is allowed is taken");
  await tryAll((call) => assert.equal(compile({ call }).ok, false, JSON.stringify(call)));
});

Deno.test("the route that publishes a workflow refuses them with 422", async () => {
  await tryAll(async (call) => {
    const steps = [{ id: "a", call }];
    const source = JSON.stringify({ key: "w", trigger: { type: "manual" }, steps });
    const answer = await it.ask("POST", "/orchestrator/workflows", { body: { source } });
    assert.equal(answer.status, 422, `${JSON.stringify(call)}: ${answer.text}`);
  });
  assert.equal((await it.sql`select from workflow_definitions where workflow_key = 'w'`).length, 0);
});

Deno.test("a step that has got one of them all the same calls nobody", async () => {
  await tryAll(async (call) => {
    const outcome = await callAgent({ call, method: "POST", timeoutMs: 5_000, body: {} }, {
      baseUrl: it.agents.url,
      allowedAgentHosts: settings.allowedAgentHosts,
      serviceJwt: "service-jwt",
      secretKey: "secret-key",
      outputMaxBytes: 1_000,
    });
    assert.equal(outcome.kind, "refused", JSON.stringify(call));
  });
  assert.equal(it.agents.calls.length, 0);
});

Deno.test("a call by POST /http is refused with 400, and nobody is called", async () => {
  await tryAll(async (call) => {
    const answer = await it.ask("POST", "/orchestrator/http", { body: { call } });
    expectProblem(answer, { status: 400, kind: "invalid", path: "call" }, JSON.stringify(call));
  });
  assert.equal(it.agents.calls.length, 0);
});

Deno.test("no template and no workflow to start is named by a URL", async () => {
  for (const inclusion of ["use", "workflow"]) {
    await tryAll((name) => {
      assert.equal(compile({ [inclusion]: name }).ok, false, JSON.stringify(name));
    });
  }
});

/** It only looks as if it led elsewhere: to a destination this is a public name. */
const isOfPublicHost = (url: string) => URL.parse(url)?.hostname === "agents.example.com";

for (const kind of ["webhook", "slack"] as const) {
  Deno.test(`a ${kind} destination that leads there is not saved`, async () => {
    await tryAll(async (url) => {
      const answer = await it.ask("PUT", "/orchestrator/destinations/sneaky", {
        body: { kind, url, types: ["run.failed"] },
      });
      if (kind === "webhook" && isOfPublicHost(url) && answer.status === 200) return;
      expectProblem(answer, { status: 400, kind: "invalid", path: "url" }, JSON.stringify(url));
    });
  });

  Deno.test(`a ${kind} message is not sent there, whoever saved the destination`, async () => {
    await tryAll(async (url) => {
      if (isOfPublicHost(url)) return;
      const outcome = await postMessage({ url, kind, headers: {}, body: "{}" }, {
        policy: { allowedWebhookHosts: ["hooks.example.com:9443"] },
        // A resolver that would say anything: what leads there by its spelling must not get so far.
        resolve: (host) => assert.fail(`looked up ${host}`),
      });
      assert.equal(outcome.kind, "refused", `${JSON.stringify(url)}: ${JSON.stringify(outcome)}`);
    });
  });
}
