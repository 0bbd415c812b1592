import assert from "node:assert/strict";
import type { StepConfig } from "../_shared/contract/compiled_workflow.ts";
import type { DescribedCall } from "../_shared/database/rows.ts";
import { FakeOutputs } from "../_shared/outputs/fake_outputs.ts";
import { describeRequest } from "./describe_request.ts";

const SECRET = "sb_secret_of_this_project";
const RUN = "00000000-0000-7000-8000-000000000001";
const NOW = Date.parse("2026-12-01T07:00:00Z");

const deps = {
  outputs: new FakeOutputs(),
  outputMaxBytes: 1_000_000,
  identity: {
    baseUrl: "https://abc.supabase.co",
    serviceJwt: "a-service-jwt-of-the-project",
    secretKey: SECRET,
    allowedAgentHosts: ["agents.example.com"],
    outputMaxBytes: 1_000_000,
  },
  nowMs: NOW,
  secrets: [SECRET, "a-service-jwt-of-the-project", ""],
  bearerVariable: "EDGE_SERVICE_JWT",
};

function describe(config: Partial<StepConfig>, more: Partial<DescribedCall> = {}) {
  const job: DescribedCall = {
    job_id: 7,
    workflow_run_id: RUN,
    workflow_key: "onboard",
    step_id: "greet",
    user_id: "ada",
    intent_id: null,
    attempt: 2,
    max_attempts: 5,
    agent: "greeter",
    config: { call: "/functions/v1/greeter", timeout_ms: 15_000, ...config },
    run_payload: { name: "Ada" },
    inputs: { look_up: { mood: "good" } },
    others: null,
    idempotency_key: `${RUN}:1:0`,
    item_index: -1,
    input: null,
    scope: null,
    queued_ms: null,
    parked: null,
    status: "queued",
    open_dependencies: 0,
    generation: 0,
    lease_token: "",
    ...more,
  } as DescribedCall;
  return describeRequest(job, deps);
}

Deno.test("a call is shown as the agent gets it, with its credentials hidden", async () => {
  const { method, url, headers, body, unavailable } = await describe({});
  assert.deepEqual({ method, url, unavailable }, {
    method: "POST",
    url: "https://abc.supabase.co/functions/v1/greeter",
    unavailable: null,
  });
  assert.deepEqual(headers, {
    "accept": "application/json",
    "content-type": "application/json",
    "x-idempotency-key": `${RUN}:1:0`,
    "idempotency-key": `${RUN}:1:0`,
    "x-workflow-run-id": RUN,
    "x-step-id": "greet",
    "x-attempt": "2",
    "x-deadline": "2026-12-01T07:00:15.000Z",
    "authorization": "Bearer [redacted]",
    "apikey": "[redacted]",
  });
  assert.deepEqual(body, {
    user_id: "ada",
    intent_id: null,
    workflow_run_id: RUN,
    workflow_key: "onboard",
    step_id: "greet",
    attempt: 2,
    payload: { name: "Ada" },
    inputs: { look_up: { mood: "good" } },
  });
});

Deno.test("the line for a terminal has variables where the credentials are", async () => {
  const { curl } = await describe({});
  assert.match(curl, /^curl -X POST 'https:\/\/abc\.supabase\.co\/functions\/v1\/greeter'/);
  assert.ok(curl.includes(`-H "authorization: Bearer $EDGE_SERVICE_JWT"`), curl);
  assert.ok(curl.includes(`-H "apikey: $SUPABASE_SECRET_KEY"`), curl);
  assert.ok(curl.includes(`--data-raw '{"user_id":"ada",`), curl);
});

Deno.test("a GET carries its identity in the query and has no body", async () => {
  const { method, url, body, curl } = await describe({ method: "GET" });
  assert.equal(method, "GET");
  assert.equal(new URL(url).searchParams.get("step_id"), "greet");
  assert.equal(body, null);
  assert.doesNotMatch(curl, /--data-raw/);
});

Deno.test("an agent outside of the project gets no credentials", async () => {
  const { headers, curl } = await describe({ call: "https://agents.example.com/greet" });
  assert.deepEqual([headers.authorization, headers.apikey], [undefined, undefined]);
  assert.doesNotMatch(curl, /\$/);
});

Deno.test("expressions are filled in, an item gets its own input", async () => {
  const scope = {
    inputs: null,
    event: {
      type: "api.dispatch",
      id: null,
      payload: {},
      user_id: "ada",
      intent_id: null,
      created_at: "2026-12-01T06:00:00Z",
    },
    run: {
      id: RUN,
      workflow_key: "onboard",
      user_id: "ada",
      intent_id: null,
      failed_steps: [],
    },
  };
  const filled = await describe(
    { with: { who: "${{ inputs.name }}" }, scoped: true },
    { scope },
  );
  assert.deepEqual((filled.body as { inputs: unknown }).inputs, { who: "Ada" });
  const item = await describe(
    { for_each: "${{ [1, 2] }}", scoped: true },
    { item_index: 1, input: { number: 2 }, open_dependencies: 1, scope },
  );
  assert.deepEqual((item.body as { inputs: unknown }).inputs, { number: 2 });
  assert.equal(item.headers["x-item-index"], "1");
});

Deno.test("the token of a callback is not made for people to look at", async () => {
  const config = { mode: "async" as const, callback_timeout_ms: 60_000 };
  const { headers, body, curl } = await describe(config, {
    // What it waits for now is no reason not to show how it was called.
    status: "parked",
    parked: { for: "callback", is_over: false },
  });
  const url = "https://abc.supabase.co/functions/v1/orchestrator/callbacks/[redacted]";
  assert.equal(headers["x-callback-url"], url);
  assert.equal(
    (body as { callback_heartbeat_url: string }).callback_heartbeat_url,
    `${url}/heartbeat`,
  );
  assert.ok(curl.includes("callbacks/[redacted]"));
});

Deno.test("keys are hidden wherever they stand in what a run carries", async () => {
  const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.c2lnbmF0dXJl";
  const run_payload = {
    note: `use\n${SECRET}, or a-service-jwt-of-the-project`,
    [`key ${jwt}`]: `line\nsb_secret_of_another`,
    harmless: "basic understanding of bearer documents",
  };
  const { body, curl } = await describe({}, { run_payload });
  const { payload } = body as { payload: Record<string, string> };
  assert.deepEqual(payload, {
    note: "use\n[redacted], or [redacted]",
    "key [redacted]": "line\n[redacted]",
    harmless: "basic understanding of bearer documents",
  });
  for (const secret of [SECRET, jwt, "sb_secret_of_another", "a-service-jwt-of-the-project"]) {
    assert.equal(curl.includes(secret), false, secret);
  }
});

Deno.test("a step without a call, or whose input is not known, says why", async () => {
  const wait = { event: "lead.signed", on_timeout: "fail" as const };
  const cases: [config: Partial<StepConfig>, more: Partial<DescribedCall>, why: RegExp][] = [
    [{ kind: "wait", wait }, {}, /waits for the event lead\.signed/],
    [{ kind: "sleep", sleep_ms: 5 }, {}, /waits for some time/],
    [{ kind: "workflow", workflow: "child" }, {}, /starts a run of the workflow child/],
    [{ kind: "start", start: {} }, {}, /kind start itself/],
    [{ for_each: "${{ [1] }}" }, {}, /each of its items/],
    [{}, { open_dependencies: 2 }, /waits for 2 steps to end/],
    [{ if: "1 > 2", scoped: true }, {}, /skipped: its condition 1 > 2 is false/],
    [{ call: "https://evil.example.com/" }, {}, /would refuse it: .*allowed_agent_hosts/],
    [{ with: "${{ 1 / 0 }}", scoped: true }, {}, /step greet, with: /],
  ];
  for (const [config, more, why] of cases) {
    const request = await describe(config, more);
    assert.match(request.unavailable ?? "", why);
    const { unavailable: _reason, ...rest } = request;
    assert.deepEqual(rest, { method: "", url: "", headers: {}, body: null, curl: "" });
  }
});
