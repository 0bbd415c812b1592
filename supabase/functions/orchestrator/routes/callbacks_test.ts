import assert from "node:assert/strict";
import { createCallbackTokens } from "../../_shared/callback/token.ts";
import type { StepConfig } from "../../_shared/contract/compiled_workflow.ts";
import { readSettings } from "../../_shared/contract/settings.ts";
import type { SettledCallback } from "../../_shared/database/rows.ts";
import { createServiceAuth } from "../../_shared/http/auth.ts";
import { createRouter } from "../../_shared/http/router.ts";
import { FakeOutputs } from "../../_shared/outputs/fake_outputs.ts";
import type { Classification } from "../../_shared/worker/classify.ts";
import { ROUTE_ACCESS } from "./access.ts";
import { addCallbackRoutes, type CalledJob } from "./callbacks.ts";

const RUN = "00000000-0000-7000-8000-000000000001";
const OUTPUT_MAX_BYTES = 2_000;

interface Completed {
  jobId: number;
  generation: number;
  attempt: number;
  result: Classification;
}

/** The orchestrator's callback routes over a database with one job, number 7. */
function setUp(config: Partial<StepConfig> = {}) {
  const tokens = createCallbackTokens("sb_secret_callbacks_test");
  const outputs = new FakeOutputs();
  const seen = { completed: [] as Completed[], beats: [] as unknown[], wakes: 0 };
  const job: { row: CalledJob | null; answer: SettledCallback } = {
    row: {
      workflow_run_id: RUN,
      step_id: "report",
      status: "parked",
      attempts: 2,
      generation: 1,
      payload: { call: "/functions/v1/agent", mode: "async", timeout_ms: 1_000, ...config },
    },
    answer: { result: "applied", status: "success" },
  };
  const defaults = readSettings(() => undefined, {});
  const settings = {
    ...defaults,
    outputMaxBytes: OUTPUT_MAX_BYTES,
    outputInlineMaxBytes: 1_024,
  };
  const router = createRouter({
    functionName: "orchestrator",
    authenticate: createServiceAuth({ secretKeys: {}, serviceKeys: ["k"], jwks: null }),
    access: ROUTE_ACCESS,
  });
  addCallbackRoutes(router, {
    tokens,
    host: { wakeQuietly: () => seen.wakes++ },
    loadFinishDeps: () =>
      Promise.resolve({
        outputs,
        settings,
        rpc: { getPlan: () => Promise.reject(new Error("no plan is needed")) },
      }),
    rpc: {
      getJob: ({ jobId }) => Promise.resolve(jobId === 7 ? job.row : null),
      completeCallback: (completed) => {
        seen.completed.push(completed);
        return Promise.resolve(job.answer);
      },
      heartbeatCallback: (claims) => {
        seen.beats.push(claims);
        return Promise.resolve({ result: "extended", status: "parked" });
      },
    },
  });
  const claims = {
    jobId: 7,
    generation: 1,
    attempt: 2,
    expiresAt: Date.now() + 60_000,
  };
  const sign = (given: Partial<typeof claims> = {}) => tokens.sign({ ...claims, ...given });
  const post = async (path: string, body?: unknown) => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const response = await router.fetch(
      new Request(
        `http://localhost/functions/v1/orchestrator/callbacks/${path}`,
        {
          method: "POST",
          body: text,
        },
      ),
    );
    return { status: response.status, body: await response.json() };
  };
  return { seen, job, outputs, sign, post };
}

Deno.test("an agent's callback settles its attempt without a service key, and wakes the worker", async () => {
  const { seen, sign, post } = setUp();
  const { status, body } = await post(await sign(), {
    ok: true,
    output: { pages: 12 },
  });
  assert.deepEqual([status, body], [200, {
    job_id: 7,
    status: "success",
    outcome: "success",
  }]);
  assert.deepEqual(seen.completed, [{
    jobId: 7,
    generation: 1,
    attempt: 2,
    result: {
      outcome: "success",
      output: { pages: 12 },
      logs: { response_bytes: 33 },
    },
  }]);
  assert.equal(seen.wakes, 1);
});

Deno.test("a failure is classified as in an answer, by the step's own rule for retries", async () => {
  const { seen, job, sign, post } = setUp({ retry_on: ["timeout"] });
  job.answer = { result: "applied", status: "dead" };
  const reply = { ok: false, error: "the model is busy", retryable: true };
  const { body } = await post(await sign(), reply);
  assert.deepEqual(body, {
    job_id: 7,
    status: "dead",
    outcome: "dead",
    error_class: "agent_error",
    error_text: "the model is busy",
  });
  assert.equal(seen.completed[0].result.outcome, "dead");
  const lenient = setUp();
  await lenient.post(await lenient.sign(), reply);
  assert.equal(lenient.seen.completed[0].result.outcome, "retry");
});

Deno.test("a callback that is no answer of an agent ends the step as an invalid response", async () => {
  const { seen, sign, post } = setUp();
  for (const body of ["garbage", "", { done: true }]) {
    const { status, body: told } = await post(await sign(), body);
    assert.deepEqual([status, told.error_class], [200, "invalid_response"]);
  }
  assert.ok(seen.completed.every(({ result }) => result.outcome === "dead"));
});

Deno.test("a large output of a callback lies in Storage", async () => {
  const { seen, outputs, sign, post } = setUp();
  await post(await sign(), { ok: true, output: "x".repeat(1_500) });
  const { result } = seen.completed[0];
  assert.equal(result.output_ref?.bytes, 1_502);
  assert.match(result.output_ref!.path, new RegExp(`^${RUN}/7-2-`));
  assert.equal(outputs.texts.size, 1);
});

Deno.test("a callback that is too large ends the step and is answered 413", async () => {
  const { seen, sign, post } = setUp();
  const { status, body } = await post(await sign(), {
    ok: true,
    output: "x".repeat(2_500),
  });
  assert.deepEqual([status, body.kind], [413, "payload_too_large"]);
  assert.equal(seen.completed[0].result.error_class, "output_too_large");
  assert.equal(seen.wakes, 1);
});

Deno.test("a token that is forged or has expired is refused before anything is read", async () => {
  const { seen, sign, post } = setUp();
  const good = await sign();
  const forged = [
    "nonsense",
    `${good.slice(0, -1)}${good.endsWith("A") ? "B" : "A"}`,
    good.replace(/^7\./, "8."),
    await createCallbackTokens("another secret").sign({
      jobId: 7,
      generation: 1,
      attempt: 2,
      expiresAt: Date.now() + 60_000,
    }),
    await sign({ expiresAt: Date.now() - 1 }),
  ];
  for (const token of forged) {
    for (const path of [token, `${token}/heartbeat`]) {
      const { status, body } = await post(path, { ok: true });
      assert.deepEqual([status, body.kind], [401, "unauthorized"], path);
    }
  }
  assert.deepEqual([seen.completed, seen.beats], [[], []]);
});

Deno.test("an old attempt, an older generation and an ended job are a conflict", async () => {
  const { seen, job, sign, post } = setUp();
  for (
    const token of [await sign({ attempt: 1 }), await sign({ generation: 0 })]
  ) {
    assert.equal((await post(token, { ok: true })).status, 409);
    assert.equal((await post(`${token}/heartbeat`)).status, 409);
  }
  for (
    const status of [
      "success",
      "dead",
      "failed",
      "queued",
      "cancelled",
      "skipped",
    ] as const
  ) {
    job.row!.status = status;
    assert.equal((await post(await sign(), { ok: true })).status, 409, status);
  }
  assert.equal(seen.completed.length, 0);
});

Deno.test("a token that is used twice is a conflict, also where both come at once", async () => {
  const { seen, job, outputs, sign, post } = setUp();
  job.answer = { result: "conflict", status: "success" };
  const { status, body } = await post(await sign(), {
    ok: true,
    output: "x".repeat(1_500),
  });
  assert.equal(status, 409);
  assert.match(body.detail, /attempt 2 of job 7 has ended/);
  assert.equal(outputs.texts.size, 0, "nobody refers to its output");
  assert.equal(seen.wakes, 0);
});

Deno.test("a callback that comes before the 202 was noted is taken", async () => {
  const { job, sign, post } = setUp();
  for (const status of ["leased", "running"] as const) {
    job.row!.status = status;
    assert.equal((await post(await sign(), { ok: true })).status, 200);
  }
});

Deno.test("a job that is gone is not found", async () => {
  const { job, sign, post } = setUp();
  job.row = null;
  assert.equal((await post(await sign(), { ok: true })).status, 404);
});

Deno.test("a heartbeat tells the database that the agent is at work, and settles nothing", async () => {
  const { seen, sign, post } = setUp();
  const { status, body } = await post(`${await sign()}/heartbeat`);
  assert.deepEqual([status, body], [200, { job_id: 7, result: "extended" }]);
  assert.deepEqual(seen.beats, [{ jobId: 7, generation: 1, attempt: 2 }]);
  assert.deepEqual([seen.completed, seen.wakes], [[], 0]);
});

Deno.test("other methods of the callback URLs still need a service key", async () => {
  const router = createRouter({
    functionName: "orchestrator",
    authenticate: createServiceAuth({ secretKeys: {}, serviceKeys: ["k"], jwks: null }),
    access: ROUTE_ACCESS,
  });
  for (
    const path of [
      "/callbacks",
      "/callbacks/a/b",
      "/callbacks/a/heartbeat/b",
      "/dispatch",
    ]
  ) {
    const request = new Request(`http://localhost${path}`, { method: "POST" });
    assert.equal((await router.fetch(request)).status, 401, path);
  }
  const read = new Request("http://localhost/callbacks/a", { method: "GET" });
  assert.equal((await router.fetch(read)).status, 401);
});
