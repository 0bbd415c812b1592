// orchestrator.check_invariants(): every rule is broken once, by hand, and told.
import assert from "node:assert/strict";
import { openDatabase } from "../harness/database.ts";
import { fails, Player } from "../harness/player.ts";

const CALL = "/functions/v1/agent-proxy/noop";

/** One row that breaks the rule of each view. */
const BREAKS: Record<string, string> = {
  broken_sink_counts:
    "update public.workflow_runs set open_sinks = open_sinks + 1 where status = 'running'",
  broken_ends: `
    update public.workflow_runs
    set status = 'failed', finished_at = orchestrator.now(), open_sinks = 0
    where workflow_key = 'mixed' and status = 'running'`,
  broken_starts: `
    update public.job_queue
    set status = 'cancelled', finished_at = orchestrator.now(), lease_token = null, lease_until = null
    where finished_at is null`,
  broken_dependency_counts: `
    update public.job_queue set open_dependencies = open_dependencies + 1
    where status = 'waiting' and item_index = -1`,
  broken_item_counts: "update public.fan_outs set open = open - 1 where open > 0",
  broken_wake_ups: `
    insert into orchestrator.event_candidates (job_id, event_id)
    select job_id, gen_random_uuid() from public.job_queue where parked ->> 'for' = 'event'`,
  broken_waits: `
    insert into orchestrator.event_waits (job_id, workflow_run_id, event_type)
    select job_id, workflow_run_id, 'go' from public.job_queue where status = 'success'`,
  broken_slots: `
    insert into orchestrator.concurrency_slots (
      workflow_run_id, workflow_key, concurrency_key, job_id, max_runs, on_conflict
    )
    select workflow_run_id, workflow_key, 'k', 1, 1, 'queue' from public.workflow_runs
    where finished_at is not null`,
  broken_slot_limits: `
    insert into orchestrator.concurrency_slots (
      workflow_run_id, workflow_key, concurrency_key, job_id, max_runs, on_conflict, is_held
    )
    select workflow_run_id, 'w', 'k', 1, 1, 'queue', true from public.workflow_runs
    where status = 'running'`,
  broken_failures:
    "update public.workflow_runs set failed_jobs = failed_jobs + 1 where status = 'failed'",
  broken_attempts: "delete from public.job_attempts",
  broken_leases: `
    update public.job_queue
    set status = 'leased', lease_token = gen_random_uuid(), lease_until = orchestrator.now()
    where status = 'queued'`,
  broken_homes: "delete from public.workflow_runs where status = 'failed'",
  broken_buckets: `
    insert into public.rate_limits (rl_key, tokens, last_refill, refill_rate, capacity)
    values ('k', 2, orchestrator.now(), 1, 1)`,
};

Deno.test("each rule that is broken is told, with the rows that break it", async (t) => {
  const db = await openDatabase();
  try {
    const player = new Player(db, { bad: () => fails });
    await player.publish({
      key: "mixed",
      trigger: { type: "manual" },
      steps: [
        { id: "each", for_each: "[1, 2]", call: CALL },
        { id: "gate", wait: { event: "go" } },
        { id: "sub", workflow: "child" },
        { id: "end", depends_on: ["each", "gate", "sub"], call: CALL },
      ],
    });
    await player.publish({
      key: "child",
      trigger: { type: "manual" },
      steps: [{ id: "held", wait: { event: "never" } }],
    });
    await player.publish({
      key: "failing",
      trigger: { type: "manual" },
      steps: [{ id: "good", call: CALL }, { id: "bad", call: CALL }],
    });
    await player.start("failing");
    await player.start("mixed");
    await player.play(1);
    // Left in the middle: the fan-out has items that were not called.
    await player.start("mixed");
    await player.settle(await player.hold());

    const views = await db.admin`
      select c.relname as name, obj_description(c.oid) as rule from pg_class c
      where c.relnamespace = 'orchestrator'::regnamespace and c.relname like 'broken\\_%'
      order by 1`;
    assert.deepEqual(views.map(({ name }) => name), Object.keys(BREAKS).toSorted());
    assert.deepEqual([...await db.admin`select * from orchestrator.check_invariants()`], []);

    for (const { name, rule } of views) {
      await t.step(rule, async () => {
        await db.admin`begin`;
        try {
          const { count } = await db.admin.unsafe(BREAKS[name]);
          assert.ok(count > 0, "the statement must change something");
          const told = await db.admin`select * from orchestrator.check_invariants()`;
          assert.ok(told.some(({ invariant }) => invariant === rule), JSON.stringify(told));
        } finally {
          await db.admin`rollback`;
        }
      });
    }
  } finally {
    await db.close();
  }
});
