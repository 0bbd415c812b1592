import assert from "node:assert/strict";
import { createCallbackTokens } from "../callback/token.ts";
import type { StepConfig } from "../contract/compiled_workflow.ts";
import { OrchestratorError } from "../contract/errors.ts";
import { readSettings } from "../contract/settings.ts";
import type { LeasedJob, RunPlan } from "../database/rows.ts";
import { FakeOutputs } from "../outputs/fake_outputs.ts";
import type { AgentCall, CallOutcome } from "./call.ts";
import { createExecutor } from "./execute.ts";
import { createScope } from "./fake_plan.ts";
import { createJob } from "./fake_queue.ts";

const NOW = Date.parse("2026-11-22T10:00:00Z");
const CALL = { call: "/functions/v1/agent", method: "POST", timeout_ms: 15_000 } as const;

function setUp(answer: { status?: number; body?: unknown; text?: string } | CallOutcome) {
  const calls: AgentCall[] = [];
  const outputs = new FakeOutputs();
  const tokens = createCallbackTokens("sb_secret_execute_test");
  const settings = readSettings(() => undefined, {});
  const plan: { read: number; answer: RunPlan | null | Error } = {
    read: 0,
    answer: { status: "running", revision: 0, steps: [{ step_id: "plan", status: "leased" }] },
  };
  const execute = createExecutor({
    outputs,
    tokens,
    settings,
    clock: { now: () => NOW },
    identity: {
      baseUrl: "https://ref.supabase.co",
      serviceJwt: "jwt",
      secretKey: "sb_secret_execute_test",
      allowedAgentHosts: [],
      outputMaxBytes: settings.outputMaxBytes,
    },
    rpc: {
      getPlan: () => {
        plan.read++;
        const { answer } = plan;
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
      },
    },
    callAgent: (call) => {
      calls.push(call);
      if ("kind" in answer) return Promise.resolve(answer);
      const text = answer.text ?? JSON.stringify(answer.body ?? { ok: true, output: null });
      return Promise.resolve({
        kind: "received",
        status: answer.status ?? 200,
        retryAfter: null,
        location: null,
        text,
        bytes: new TextEncoder().encode(text).length,
        isCut: false,
        durationMs: 12,
      });
    },
  });
  const run = (job: LeasedJob) => execute(job, 1_000, new AbortController().signal);
  return { calls, outputs, tokens, settings, plan, run };
}

const withConfig = (config: Partial<StepConfig>, given: Partial<LeasedJob> = {}) =>
  createJob({ config: { ...CALL, ...config }, scope: createScope(), ...given });

Deno.test("a call gets what its plan says, and its answer becomes the attempt", async () => {
  const { calls, run } = setUp({ body: { ok: true, output: { n: 1 } } });
  const job = withConfig({ scoped: true, with: { lead: "${{ inputs.lead.id }}" }, if: "true" });
  assert.deepEqual(await run(job), {
    status_code: 200,
    outcome: "success",
    output: { n: 1 },
    condition: { expression: "true", result: true },
    logs: { duration_ms: 12, response_bytes: 28 },
  });
  const [{ timeoutMs, body }] = calls;
  assert.equal(timeoutMs, 1_000);
  assert.deepEqual((body as { inputs: unknown }).inputs, { lead: "l-1" });
});

Deno.test("a job that is settled without a call calls nobody", async () => {
  const { calls, run } = setUp({});
  const jobs = [
    withConfig({ scoped: true, if: "false" }),
    withConfig({ kind: "sleep", sleep_ms: 60_000 }),
    withConfig({ kind: "failure" }),
    withConfig({ scoped: true, for_each: "[1, 2]" }),
    withConfig({ kind: "wait", wait: { event: "e", on_timeout: "fail" } }),
    withConfig({ kind: "workflow", workflow: "child" }),
    withConfig({ kind: "start", start: {} }),
  ];
  const outcomes = [];
  for (const job of jobs) outcomes.push((await run(job)).outcome);
  assert.deepEqual(outcomes, ["skip", "park", "handle", "park", "park", "park", "success"]);
  assert.equal(calls.length, 0);
});

Deno.test("the step's own rule for retries comes behind the classification", async () => {
  const { run } = setUp({ status: 404, body: { error: "not yet there" } });
  assert.equal((await run(withConfig({}))).outcome, "dead");
  assert.equal((await run(withConfig({ retry_on: ["http_4xx"] }))).outcome, "retry");
});

Deno.test("only an asynchronous step's agent is told where to call back, in body and headers", async () => {
  const { calls, tokens, run } = setUp({ status: 202 });
  const attempt = await run(
    withConfig({ mode: "async", callback_timeout_ms: 3_600_000 }, {
      job_id: 9,
      attempt: 3,
      idempotency_key: "run:step:2",
    }),
  );
  assert.deepEqual([attempt.outcome, attempt.parked?.for], ["park", "callback"]);
  assert.equal(attempt.park_ms, 3_600_000);
  const { headers = {}, body } = calls[0];
  const { callback_url, callback_heartbeat_url } = body as Record<string, string>;
  assert.equal(headers["x-callback-url"], callback_url);
  assert.equal(headers["x-callback-heartbeat-url"], callback_heartbeat_url);
  const read = await tokens.read(callback_url.split("/").at(-1)!, NOW + 3_600_000);
  assert.ok(read.ok, "good for as long as the callback may take");
  const { jobId, generation, attempt: number } = read.claims;
  assert.deepEqual([jobId, generation, number], [9, 2, 3]);

  const sync = setUp({});
  await sync.run(withConfig({}));
  assert.equal(JSON.stringify(sync.calls[0]).includes("callback"), false);
});

Deno.test("an item's call tells which item it is for", async () => {
  const { calls, run } = setUp({});
  await run(withConfig({ for_each: "inputs", scoped: true }, { item_index: 4, input: { n: 1 } }));
  assert.equal(calls[0].headers?.["x-item-index"], "4");
  assert.deepEqual((calls[0].body as { inputs: unknown }).inputs, { n: 1 });
  await run(withConfig({}));
  assert.equal(calls[1].headers?.["x-item-index"], undefined);
});

Deno.test("a large answer lies in Storage, a small one in its row", async () => {
  const large = setUp({ body: { ok: true, output: "x".repeat(300_000) } });
  const attempt = await large.run(withConfig({}));
  assert.equal(attempt.output_ref?.bytes, 300_002);
  assert.equal("output" in attempt, false);
  assert.equal(large.outputs.texts.size, 1);
  const small = setUp({ body: { ok: true, output: "x" } });
  assert.equal((await small.run(withConfig({}))).output, "x");
});

Deno.test("what a plan makes is kept like an answer", async () => {
  const { outputs, run } = setUp({});
  const text = "x".repeat(200_000);
  const items = [text, text].map((output) => ({
    status: "success" as const,
    output,
    output_ref: null,
  }));
  const attempt = await run(withConfig({ for_each: "[1, 2]", scoped: true }, {
    parked: { for: "items", is_over: false, total: 2, succeeded: 2, failed: 0, needed: 2, items },
  }));
  assert.equal(attempt.outcome, "success");
  assert.deepEqual(await outputs.get(attempt.output_ref!), [text, text]);
});

Deno.test("steps of an answer become a plan that is applied with its success", async () => {
  const steps = [{ id: "more", call: "/functions/v1/agent-proxy/echo", depends_on: ["plan"] }];
  const { plan, run } = setUp({ body: { ok: true, output: 1, steps } });
  const attempt = await run(withConfig({ may_append: true }, { step_id: "plan" }));
  assert.deepEqual([attempt.outcome, attempt.output], ["success", 1]);
  assert.deepEqual(
    [attempt.append?.author, attempt.append?.source],
    ["step plan", steps],
  );
  assert.deepEqual(attempt.append?.steps.map(({ step_id, depends_on }) => [step_id, depends_on]), [
    ["more", ["plan"]],
  ]);
  assert.equal("steps" in attempt, false);
  assert.equal(plan.read, 1);
});

Deno.test("the run's plan is read only for an answer that has steps", async () => {
  const { plan, run } = setUp({ body: { ok: true, output: 1 } });
  await run(withConfig({ may_append: true }));
  const none = setUp({ body: { ok: true, output: 1, steps: [] } });
  const attempt = await none.run(withConfig({ may_append: true }));
  assert.deepEqual([attempt.outcome, attempt.append], ["success", undefined]);
  assert.deepEqual([plan.read, none.plan.read], [0, 0]);
});

Deno.test("steps that do not fit are refused whole, with every reason", async () => {
  const steps = [
    { id: "a", call: "/functions/v1/agent-proxy/echo", depends_on: ["nobody"] },
    { id: "b", call: "/rest/v1/secrets" },
    { id: "plan", call: "/functions/v1/agent-proxy/echo" },
  ];
  const { run } = setUp({ body: { ok: true, steps } });
  const attempt = await run(withConfig({ may_append: true }, { step_id: "plan" }));
  assert.deepEqual(
    [attempt.outcome, attempt.error_class, attempt.append, attempt.output],
    ["dead", "validation", undefined, undefined],
  );
  for (const reason of [/^appending steps: /, /nobody/, /\/rest\/v1\/secrets/, /plan/]) {
    assert.match(attempt.error_text!, reason);
  }
  assert.ok(attempt.error_text!.length <= 2_000);
});

Deno.test("a plan that cannot be read now is a passing failure", async () => {
  const { plan, run } = setUp({ body: { ok: true, steps: [{ id: "a" }] } });
  plan.answer = new OrchestratorError("unavailable", "the database is away", { retryAfterMs: 50 });
  const attempt = await run(withConfig({ may_append: true }));
  assert.deepEqual([attempt.outcome, attempt.error_class], ["retry", "network"]);
  plan.answer = null;
  assert.equal((await run(withConfig({ may_append: true }))).error_class, "validation");
});
