import assert from "node:assert/strict";
import type { StepConfig } from "../contract/compiled_workflow.ts";
import type { LeasedJob, Parked } from "../database/rows.ts";
import { FakeOutputs } from "../outputs/fake_outputs.ts";
import { createScope, planAttempt } from "./fake_plan.ts";
import { createJob } from "./fake_queue.ts";

type Wait = NonNullable<StepConfig["wait"]>;
type Candidate = Extract<Parked, { for: "event" }>["events"][number];

const MATCH = "event.payload.lead_id == inputs.lead.id";

function createWait(wait: Partial<Wait> = {}, parked: LeasedJob["parked"] = null): LeasedJob {
  return createJob({
    step_id: "approve",
    config: {
      kind: "wait",
      timeout_ms: 1,
      scoped: true,
      wait: { event: "lead.approved", on_timeout: "fail", ...wait },
    },
    scope: createScope(),
    parked,
  });
}

const event = (event_id: string, payload: unknown, user_id = "user"): Candidate => ({
  event_id,
  type: "lead.approved",
  payload,
  user_id,
});

const woken = (events: Candidate[], is_over = false): LeasedJob["parked"] => ({
  for: "event",
  is_over,
  events,
});

Deno.test("a sleep parks for its time and then succeeds with null", async () => {
  const config = { kind: "sleep", timeout_ms: 1, sleep_ms: 600_000 } as const;
  assert.deepEqual(await planAttempt(createJob({ config })), {
    outcome: "park",
    parked: { for: "timer" },
    park_ms: 600_000,
  });
  const over = createJob({ config, parked: { for: "timer", is_over: true } });
  assert.deepEqual(await planAttempt(over), { outcome: "success", output: null });
});

Deno.test("a sleep of no length is over at once", async () => {
  const config = { kind: "sleep", timeout_ms: 1, sleep_ms: 1 } as const;
  assert.deepEqual(await planAttempt(createJob({ config })), { outcome: "success", output: null });
});

Deno.test("a sleep with a false condition is skipped", async () => {
  const config = {
    kind: "sleep",
    timeout_ms: 1,
    sleep_ms: 60_000,
    if: "false",
    scoped: true,
  } as const;
  const attempt = await planAttempt(createJob({ config, scope: createScope() }));
  assert.equal(attempt.outcome, "skip");
});

Deno.test("a wait parks for its event, for ever without a timeout", async () => {
  assert.deepEqual(await planAttempt(createWait({ timeout_ms: 5_000 })), {
    outcome: "park",
    parked: { for: "event" },
    wait_event: { type: "lead.approved", refused: [] },
    park_ms: 5_000,
  });
  assert.equal("park_ms" in await planAttempt(createWait()), false);
});

Deno.test("the oldest event that matches ends the wait and is its output", async () => {
  const events = [
    event("e1", { lead_id: "other" }),
    event("e2", { lead_id: "l-1", by: "first" }),
    event("e3", { lead_id: "l-1", by: "second" }),
  ];
  assert.deepEqual(await planAttempt(createWait({ match: MATCH }, woken(events))), {
    outcome: "success",
    output: {
      event_id: "e2",
      type: "lead.approved",
      payload: { lead_id: "l-1", by: "first" },
      user_id: "user",
    },
    consumes: "e2",
  });
});

Deno.test("without a match the first event of the run's own user ends the wait", async () => {
  const events = [event("e1", null, "somebody else"), event("e2", null), event("e3", null)];
  const attempt = await planAttempt(createWait({}, woken(events)));
  assert.deepEqual([attempt.outcome, attempt.consumes], ["success", "e2"]);
  const refused = await planAttempt(createWait({}, woken(events.slice(0, 1))));
  assert.deepEqual(refused.wait_event?.refused, ["e1"]);
});

Deno.test("with a match another user's event will do", async () => {
  const attempt = await planAttempt(createWait(
    { match: MATCH },
    woken([
      event("e1", { lead_id: "l-1" }, "the boss"),
    ]),
  ));
  assert.equal(attempt.consumes, "e1");
});

Deno.test("the candidate is `event` in match: its type, payload, id and user", async () => {
  const match = "event.type == 'lead.approved' && event.user_id == 'boss' && event.id == 'e1'";
  const attempt = await planAttempt(createWait({ match }, woken([event("e1", {}, "boss")])));
  assert.equal(attempt.consumes, "e1");
});

Deno.test("events that do not match are refused, and the wait goes on with its time", async () => {
  const events = [event("e1", { lead_id: "x" }), event("e2", { lead_id: "y" })];
  const job = createWait({ match: MATCH, timeout_ms: 5_000 }, woken(events));
  assert.deepEqual(await planAttempt(job), {
    outcome: "park",
    parked: { for: "event" },
    wait_event: { type: "lead.approved", refused: ["e1", "e2"] },
  });
});

Deno.test("an event that the match fails on is refused and told, and ends no wait", async () => {
  const events = [event("e1", {}), event("e2", null), event("e3", { lead_id: "l-1" })];
  const taken = await planAttempt(createWait({ match: MATCH }, woken(events)));
  assert.equal(taken.consumes, "e3");
  const refused = await planAttempt(createWait({ match: MATCH }, woken(events.slice(0, 2))));
  assert.deepEqual(refused.wait_event?.refused, ["e1", "e2"]);
  assert.match(JSON.stringify(refused.logs), /event e1: .*lead_id/);
});

Deno.test("a wait that is over fails, or goes on without an event where its file says so", async () => {
  const failed = await planAttempt(createWait({ timeout_ms: 86_400_000 }, woken([], true)));
  assert.deepEqual([failed.outcome, failed.error_class], ["dead", "timeout"]);
  assert.equal(
    failed.error_text,
    "step approve: no fitting event lead.approved within 86400000 ms",
  );
  const gone = await planAttempt(
    createWait({ timeout_ms: 5, on_timeout: "continue" }, woken([], true)),
  );
  assert.deepEqual(gone, { outcome: "success", output: null });
});

Deno.test("an event that came in time is taken although the time is over", async () => {
  const job = createWait({ match: MATCH }, woken([event("e1", { lead_id: "l-1" })], true));
  assert.equal((await planAttempt(job)).consumes, "e1");
});

Deno.test("behind a full list of events there may be more: the time is not over before they were seen", async () => {
  const events = Array.from({ length: 100 }, (_, index) => event(`e${index}`, { lead_id: "x" }));
  const attempt = await planAttempt(createWait({ match: MATCH }, woken(events, true)));
  assert.deepEqual([attempt.outcome, attempt.wait_event?.refused.length], ["park", 100]);
});

Deno.test("a wait compares with outputs, those in Storage included", async () => {
  const outputs = new FakeOutputs();
  const job = createWait(
    { match: "event.payload.n == steps.a.output.n" },
    woken([event("e", { n: 7 })]),
  );
  const others = { a: { status: "success" as const, output_ref: outputs.lay("a", { n: 7 }) } };
  const attempt = await planAttempt({ ...job, others }, outputs);
  assert.equal(attempt.consumes, "e");
});

Deno.test("an agent that does not call back is called again, unless its step retries no timeouts", async () => {
  const config: StepConfig = {
    call: "/functions/v1/agent",
    method: "POST",
    timeout_ms: 1,
    mode: "async",
    callback_timeout_ms: 60_000,
  };
  const parked = { for: "callback", is_over: true } as const;
  assert.deepEqual(await planAttempt(createJob({ config, parked })), {
    outcome: "retry",
    error_class: "timeout",
    error_text: "no callback within 60000 ms",
  });
  const beating = { ...config, callback_heartbeat_ms: 500, retry_on: ["network" as const] };
  const attempt = await planAttempt(createJob({ config: beating, parked }));
  assert.equal(attempt.outcome, "dead");
  assert.equal(attempt.error_text, "no callback within 60000 ms, or no heartbeat within 500 ms");
});
