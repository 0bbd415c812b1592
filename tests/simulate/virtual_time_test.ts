// Time in a simulation: it passes between the things that happen, and never while one waits for it.
import assert from "node:assert/strict";
import { simulate } from "../../scripts/simulate/mod.ts";

const ONE_STEP = `
key: one_v1
trigger: { type: manual }
steps: [{ id: work, call: /functions/v1/agents/work, timeout_ms: 20000 }]
`;

Deno.test("a minute of backoff takes no time of ours", async () => {
  const begun = performance.now();
  const run = await simulate({
    source: ONE_STEP,
    agents: { work: [{ fail: "http_429", retry_after: "1m" }, { output: "done" }] },
  });
  assert.equal(run.status, "success");
  assert.equal(run.steps.work.attempts, 2);
  assert.deepEqual(run.calls.map(({ at_ms }) => at_ms), [0, 60_000]);
  assert.equal(run.duration_ms, 60_000);
  assert.ok(performance.now() - begun < 30_000);
});

Deno.test("retries back off within their bounds until the attempts are used up", async () => {
  const run = await simulate({ source: ONE_STEP, agents: { work: { fail: "http_500" } } });
  assert.equal(run.status, "failed");
  assert.equal(run.steps.work.attempts, 5);
  assert.equal(run.steps.work.error_class, "http_5xx");
  const pauses = run.timeline.flatMap((entry) => entry.what === "failed" ? [entry.next_in_ms] : []);
  assert.equal(pauses.length, 4);
  for (const [at, pause] of pauses.entries()) assert.ok(pause <= 1_000 * 2 ** at, `pause ${at}`);
});

Deno.test("the same simulation tells the same story, jitter included", async () => {
  const tell = async () => {
    const { timeline } = await simulate({
      source: ONE_STEP,
      agents: { work: [{ fail: "network", times: 3, delay: "40ms" }, {}] },
    });
    return timeline.map(({ at_ms, what }) => [at_ms, what]);
  };
  assert.deepEqual(await tell(), await tell());
});

Deno.test("an agent that is slower than its timeout is given up, at its timeout", async () => {
  const run = await simulate({
    source: ONE_STEP,
    agents: { work: [{ output: "late", delay: "21s" }, { output: "in time", delay: "19s" }] },
  });
  assert.equal(run.steps.work.output, "in time");
  const [failed] = run.timeline.filter(({ what }) => what === "failed");
  assert.equal(failed.at_ms, 20_000);
  assert.ok(failed.what === "failed" && failed.error_class === "timeout");
});

Deno.test("calls overlap: two that take 3 s side by side take 3 s", async () => {
  const run = await simulate({
    source: `
key: two_v1
trigger: { type: manual }
steps:
  - { id: a, call: /functions/v1/agents/slow }
  - { id: b, call: /functions/v1/agents/slow }
  - { id: both, call: /functions/v1/agents/join, depends_on: [a, b] }
`,
    agents: { "/functions/v1/agents/slow": { delay: "3s" }, both: { delay: "1s" } },
  });
  assert.equal(run.duration_ms, 4_000);
  assert.equal(run.steps.both.started_ms, 3_000);
});

Deno.test("what lies behind the end of the simulated time has not happened", async () => {
  const run = await simulate({
    source: ONE_STEP,
    agents: { work: [{ fail: "http_503", retry_after: "2h" }, {}] },
    until: "1h",
  });
  assert.equal(run.status, "running");
  assert.equal(run.reason, "work waits for its next attempt");
  assert.equal(run.calls.length, 1);
});

Deno.test("jobs beyond a rate limit wait for their tokens in virtual time", async () => {
  const steps = Array.from({ length: 150 }, (_, at) => ({ id: `s${at}`, call: "/functions/v1/a" }));
  const run = await simulate({
    source: JSON.stringify({ key: "many_v1", trigger: { type: "manual" }, steps }),
  });
  assert.equal(run.status, "success");
  // 100 at once, then 50 a second.
  assert.equal(run.calls.filter(({ at_ms }) => at_ms === 0).length, 100);
  assert.equal(run.duration_ms, 1_000);
});
