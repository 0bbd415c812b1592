// What a simulation answers of a plain workflow: the same run that the engine would make for real.
import assert from "node:assert/strict";
import { simulate, SimulationRefused } from "../../scripts/simulate/mod.ts";

const CHAIN = `
key: morning_v1
trigger: { type: cron_or_event, event_types: [day.started], cron: "0 7 * * *" }
steps:
  - { id: gather, call: /functions/v1/agents/gather, method: GET }
  - { id: plan, call: /functions/v1/agents/plan, depends_on: [gather] }
  - { id: left, call: /functions/v1/agents/left, depends_on: [plan] }
  - { id: right, call: /functions/v1/agents/right, depends_on: [plan] }
`;

Deno.test("a chain runs to its end, and each agent gets what the one before it answered", async () => {
  const run = await simulate({
    source: CHAIN,
    input: { mood: "good" },
    agents: { gather: { output: { streak: 3 } }, plan: { output: ["read"] }, left: { output: 0 } },
  });
  assert.equal(run.status, "success");
  assert.equal(run.reason, null);
  assert.deepEqual(run.outputs, { left: 0, right: {} });
  assert.deepEqual(run.steps.gather.output, { streak: 3 });
  assert.deepEqual(run.calls.map(({ step_id }) => step_id), ["gather", "plan", "left", "right"]);
  const [gather, plan, left] = run.calls;
  assert.equal(gather.method, "GET");
  assert.equal(gather.body, null);
  assert.deepEqual(plan.body?.payload, { mood: "good" });
  assert.deepEqual(plan.body?.inputs, { gather: { streak: 3 } });
  assert.deepEqual(left.body?.inputs, { plan: ["read"] });
});

Deno.test("a failure for good ends what is behind it and no other branch", async () => {
  const run = await simulate({
    source: `
key: branches_v1
trigger: { type: manual }
steps:
  - { id: bad, call: /functions/v1/agents/bad }
  - { id: behind, call: /functions/v1/agents/behind, depends_on: [bad] }
  - { id: other, call: /functions/v1/agents/other }
`,
    agents: { bad: { fail: "not_ok", error: "no such user" } },
  });
  assert.equal(run.status, "failed");
  assert.equal(run.reason, "bad failed: agent_error, no such user");
  assert.equal(run.steps.bad.status, "dead");
  assert.equal(run.steps.bad.attempts, 1);
  assert.equal(run.steps.behind.skip_reason, "upstream_failed");
  assert.equal(run.steps.other.status, "success");
});

Deno.test("an event of the right type starts the run, with its payload and user", async () => {
  const run = await simulate({
    source: CHAIN,
    event: { type: "day.started", payload: { at: "home" }, user_id: "anna" },
  });
  assert.equal(run.status, "success");
  assert.equal(run.runs[0].started_by, "event");
  assert.deepEqual(run.calls[1].body?.payload, { at: "home" });
  assert.equal(run.calls[1].body?.user_id, "anna");
});

Deno.test("an event that starts nothing is told with the types that would", async () => {
  await assert.rejects(
    simulate({ source: CHAIN, event: { type: "day.ended" } }),
    new SimulationRefused(
      "the event day.ended starts no run of morning_v1: its trigger names day.started",
    ),
  );
});

Deno.test("the schedule starts the run at its next slot, which is the beginning of the story", async () => {
  const run = await simulate({ source: CHAIN, cron: true, startAt: "2026-03-01T12:00:00Z" });
  assert.equal(run.status, "success");
  assert.equal(run.runs[0].started_by, "cron");
  assert.deepEqual(run.calls[1].body?.payload, { scheduled_for: "2026-03-02T07:00:00+00:00" });
  assert.equal(run.timeline[0].at_ms, 0);
});

Deno.test("a workflow that does not compile is refused with the compiler's problems", async () => {
  await assert.rejects(
    simulate({ source: "key: a_v1\ntrigger: { type: manual }\nsteps:\n  - { id: a, cal: /b }\n" }),
    (error) => {
      assert.ok(error instanceof SimulationRefused);
      assert.match(error.message, /^workflow\.yml:4:14: unknown key "cal"/m);
      assert.ok(error.problems.length > 0);
      return true;
    },
  );
});
