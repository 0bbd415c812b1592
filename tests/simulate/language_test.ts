// Each kind of step and rule of the language in a simulation: waiting takes no time of ours, and the
// answer shows what became of every step.
import assert from "node:assert/strict";
import { simulate } from "../../scripts/simulate/mod.ts";

const DAY = 86_400_000;

Deno.test("a sleep of seven days is over at once, and lasted seven days", async () => {
  const run = await simulate({
    source: `
key: nap_v1
trigger: { type: manual }
steps:
  - { id: nap, sleep: 7d }
  - { id: wake, call: /functions/v1/agents/wake, depends_on: [nap] }
`,
  });
  assert.equal(run.status, "success");
  assert.equal(run.duration_ms, 7 * DAY);
  assert.equal(run.steps.wake.started_ms, 7 * DAY);
});

const APPROVAL = `
key: approval_v1
inputs: { type: object, required: [lead], properties: { lead: { type: integer } } }
trigger: { type: manual }
steps:
  - id: approve
    wait: { event: lead.approved, match: event.payload.lead == inputs.lead, timeout: 24h, on_timeout: fail }
  - { id: tell, call: /functions/v1/agents/tell, depends_on: [approve] }
`;

Deno.test("a wait that nobody ends times out after its 24 hours", async () => {
  const run = await simulate({ source: APPROVAL, input: { lead: 7 } });
  assert.equal(run.status, "failed");
  assert.equal(run.steps.approve.error_class, "timeout");
  assert.equal(run.duration_ms, DAY);
  assert.equal(run.steps.tell.skip_reason, "upstream_failed");
});

Deno.test("a wait takes the event that matches, and tells of the one that does not", async () => {
  const run = await simulate({
    source: APPROVAL,
    input: { lead: 7 },
    events: [
      { at: "1h", type: "lead.approved", payload: { lead: 8 } },
      { at: "2h", type: "lead.approved", payload: { lead: 7, by: "anna" } },
    ],
  });
  assert.equal(run.status, "success");
  assert.equal(run.duration_ms, 7_200_000);
  const told = run.timeline.filter(({ step_id }) => step_id === "approve");
  assert.deepEqual(told.map(({ at_ms, what }) => [at_ms, what]), [
    [0, "parked"],
    [3_600_000, "parked"],
    [7_200_000, "went_on"],
  ]);
  const { payload } = run.steps.approve.output as { payload: unknown };
  assert.deepEqual(payload, { lead: 7, by: "anna" });
});

Deno.test("a person approves or rejects some time after the step began to wait", async () => {
  const decide = (approved: boolean) =>
    simulate({
      source: APPROVAL,
      input: { lead: 7 },
      approvals: {
        approve: { after: "3h", approved, by: "anna", payload: { reason: "too dear" } },
      },
    });
  const approved = await decide(true);
  assert.equal(approved.status, "success");
  assert.equal(approved.duration_ms, 10_800_000);
  const rejected = await decide(false);
  assert.equal(rejected.status, "failed");
  assert.equal(rejected.reason, "approve failed: rejected, rejected by anna: too dear");
});

Deno.test("a wait without end is told as what the run waits for", async () => {
  const run = await simulate({
    source: `
key: stuck_v1
trigger: { type: manual }
steps: [{ id: word, wait: { event: word.given } }]
`,
  });
  assert.equal(run.status, "running");
  assert.equal(run.reason, "word waits for event word.given");
});

Deno.test("inputs that do not fit end the run before its first step", async () => {
  const run = await simulate({ source: APPROVAL, input: { lead: "seven" } });
  assert.equal(run.status, "failed");
  assert.match(run.reason ?? "", /^the start failed: validation, .*lead/);
  assert.equal(run.steps.approve.status, "skipped");
});

Deno.test("a fan-out calls every item with its own input, each by its own script", async () => {
  const run = await simulate({
    source: `
key: fan_v1
trigger: { type: manual }
steps:
  - { id: list, call: /functions/v1/agents/list }
  - id: score
    depends_on: [list]
    for_each: steps.list.output
    max_concurrency: 2
    success: { at_least: 3 }
    call: /functions/v1/agents/score
    with: { name: "\${{ item }}", n: "\${{ index }}" }
`,
    agents: {
      list: { output: ["a", "b", "c", "d"] },
      score: ({ index, body }) => ({ output: [index, body?.inputs], delay: "1s" }),
      "score[1]": { fail: "not_ok", delay: "1s" },
      "score[2]": [{ fail: "http_503", retry_after: "5s" }, { output: "second try" }],
    },
  });
  assert.equal(run.status, "success");
  assert.deepEqual(run.outputs.score, [
    [0, { name: "a", n: 0 }],
    null,
    "second try",
    [3, { name: "d", n: 3 }],
  ]);
  const { items = [] } = run.steps.score;
  assert.deepEqual(items.map(({ status }) => status), ["success", "dead", "success", "success"]);
  assert.deepEqual(items.map(({ attempts }) => attempts), [1, 1, 2, 1]);
  // Two at a time: the first pair takes 1 s.
  assert.deepEqual(
    run.calls.filter(({ index }) => index !== null).map(({ index, at_ms }) => [index, at_ms]),
    [[0, 0], [1, 0], [2, 1_000], [3, 1_000], [2, 6_000]],
  );
});

const BRANCHES = `
key: branches_v1
trigger: { type: manual }
steps:
  - { id: look, call: /functions/v1/agents/look }
  - { id: big, call: /functions/v1/agents/big, depends_on: [look], if: steps.look.output.size > 10 }
  - { id: small, workflow: small_v1, else_of: big, depends_on: [look], with: { n: 1 } }
  - { id: join, call: /functions/v1/agents/join, depends_on: [big, small] }
`;

const SMALL = `
key: small_v1
trigger: { type: manual }
steps: [{ id: pack, call: /functions/v1/agents/pack }]
`;

Deno.test("of two branches one runs, and the condition that decided is told", async () => {
  const run = await simulate({
    source: BRANCHES,
    workflows: { small_v1: SMALL },
    agents: { look: { output: { size: 11 } } },
  });
  assert.equal(run.status, "success");
  assert.equal(run.steps.small.skip_reason, "condition");
  assert.deepEqual(run.steps.small.condition, {
    expression: "steps.look.output.size > 10",
    result: true,
  });
  assert.deepEqual(run.calls.at(-1)?.body?.inputs, { big: {} });
});

Deno.test("a sub-workflow is run too, and its steps have scripts by its key", async () => {
  const run = await simulate({
    source: BRANCHES,
    workflows: { small_v1: SMALL },
    agents: { look: { output: { size: 1 } }, "small_v1/pack": { output: "box", delay: "9s" } },
  });
  assert.equal(run.status, "success");
  assert.deepEqual(run.steps.small.output, { pack: "box" });
  const pack = run.calls.find(({ step_id }) => step_id === "pack");
  assert.deepEqual(pack?.body?.payload, { n: 1 });
  assert.deepEqual(run.runs.map(({ workflow_key, parent_step }) => [workflow_key, parent_step]), [
    ["branches_v1", null],
    ["small_v1", "small"],
  ]);
  assert.ok(run.timeline.some(({ subject }) => subject === "small › pack"));
});

Deno.test("templates are expanded, and their steps have scripts by their full ids", async () => {
  const run = await simulate({
    source: `
key: used_v1
trigger: { type: manual }
steps: [{ id: tell, use: message, with: { text: hello } }]
`,
    templates: {
      message: `
template: message
inputs: { type: object, required: [text], properties: { text: { type: string } } }
steps:
  - { id: find, call: /functions/v1/agents/find }
  - id: send
    call: /functions/v1/agents/send
    depends_on: [find]
    with: { to: "\${{ steps.find.output }}", text: "\${{ inputs.text }}" }
`,
    },
    agents: { "tell.find": { output: "C1" } },
  });
  assert.equal(run.status, "success");
  assert.deepEqual(run.calls.at(-1)?.body?.inputs, { to: "C1", text: "hello" });
  assert.deepEqual(Object.keys(run.steps), ["tell.find", "tell"]);
});

Deno.test("an agent that calls back may take days, or never come back", async () => {
  const report = (callback: { after: string; output?: unknown }) =>
    simulate({
      source: `
key: report_v1
trigger: { type: manual }
defaults: { retry: { max_attempts: 1 } }
steps: [{ id: report, call: /functions/v1/agents/report, mode: async, callback_timeout: 3d }]
`,
      agents: { report: { callback } },
    });
  const done = await report({ after: "2d", output: { pages: 7 } });
  assert.equal(done.status, "success");
  assert.deepEqual(done.outputs, { report: { pages: 7 } });
  assert.equal(done.duration_ms, 2 * DAY);
  const lost = await report({ after: "4d" });
  assert.equal(lost.status, "failed");
  assert.equal(lost.steps.report.error_class, "timeout");
  assert.equal(lost.duration_ms, 3 * DAY);
});

Deno.test("a run that takes too long fails, and what undoes and tells still runs", async () => {
  const run = await simulate({
    source: `
key: late_v1
trigger: { type: manual }
timeout: 2h
steps:
  - id: book
    call: /functions/v1/agents/book
    compensate: { call: /functions/v1/agents/unbook }
  - { id: word, wait: { event: word.given }, depends_on: [book] }
on_failure:
  - { id: tell, call: /functions/v1/agents/tell }
`,
  });
  assert.equal(run.status, "failed");
  assert.match(run.reason ?? "", /timeout/);
  assert.deepEqual(run.calls.map(({ call, at_ms }) => [call.split("/").at(-1), at_ms]), [
    ["book", 0],
    ["unbook", 7_200_001],
    ["tell", 7_200_001],
  ]);
});

Deno.test("events of the script start further runs, which respect the concurrency key", async () => {
  const run = await simulate({
    source: `
key: one_at_a_time_v1
trigger: { type: event, event_types: [go] }
concurrency: { key: event.payload.k, max: 1, on_conflict: skip }
steps: [{ id: nap, sleep: 1h }]
`,
    event: { type: "go", payload: { k: "a" } },
    events: [
      { at: "10m", type: "go", payload: { k: "a" } },
      { at: "10m", type: "go", payload: { k: "b" } },
    ],
  });
  assert.deepEqual(run.runs.map(({ status }) => status), ["success", "skipped", "success"]);
});

Deno.test("steps that an agent appends are run and answered as all others", async () => {
  const run = await simulate({
    source: `
key: planner_v1
trigger: { type: manual }
steps:
  - { id: plan, call: /functions/v1/agents/plan, may_append: true }
  - { id: end, call: /functions/v1/agents/end, depends_on: [plan] }
`,
    agents: {
      plan: {
        output: "planned",
        steps: [{ id: "extra", call: "/functions/v1/agents/extra", depends_on: ["plan"] }],
      },
      extra: { output: 42 },
    },
  });
  assert.equal(run.status, "success");
  assert.equal(run.steps.extra.output, 42);
  assert.ok(run.timeline.some(({ what }) => what === "appended"));
});
