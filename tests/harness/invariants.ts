// What must hold between the rows whenever no transaction is under way.
import assert from "node:assert/strict";
import type { TestDatabase } from "./database.ts";

const CHECKS: Record<string, string> = {
  "a run counts its unfinished sinks": `
    select r.workflow_run_id, r.status, r.open_sinks, c.sinks
    from public.workflow_runs r
    cross join lateral (
      select count(*) as sinks
      from public.job_queue q
      join public.workflow_steps w on w.definition_id = q.definition_id and w.step_no = q.step_no
      where q.workflow_run_id = r.workflow_run_id and q.item_index = -1 and w.is_sink and q.finished_at is null
    ) as c
    where r.open_sinks <> c.sinks`,
  "a run that ended has no unfinished job": `
    select q.job_id, q.status from public.job_queue q
    join public.workflow_runs r using (workflow_run_id)
    where r.finished_at is not null and q.finished_at is null`,
  "a waiting job counts its dependencies": `
    select q.job_id, q.step_id, q.open_dependencies, c.open
    from public.job_queue q
    cross join lateral (
      select count(*) filter (where p.finished_at is null) as open
      from public.job_queue p
      join public.workflow_steps w on w.definition_id = p.definition_id and w.step_no = p.step_no
      where p.workflow_run_id = q.workflow_run_id and p.item_index = -1
        and q.step_no = any (w.dependents || p.extra_dependents)
    ) as c
    where q.item_index = -1 and q.status = 'waiting' and q.open_dependencies <> c.open`,
  "a fan-out counts its items": `
    select f.*, c.* from public.fan_outs f
    join public.job_queue p on p.workflow_run_id = f.workflow_run_id and p.step_no = f.step_no and p.item_index = -1
    cross join lateral (
      select count(*) filter (where q.finished_at is null) as unfinished,
        count(*) filter (where q.status = 'success') as good, count(*) filter (where q.status = 'dead') as bad
      from public.job_queue q
      where q.workflow_run_id = f.workflow_run_id and q.step_no = f.step_no and q.item_index >= 0
    ) as c
    where p.finished_at is null and (f.open, f.succeeded, f.failed) <> (c.unfinished, c.good, c.bad)`,
  "a job parked for what has come is due or signalled": `
    select q.job_id, q.parked from public.job_queue q
    left join public.workflow_runs r on r.workflow_run_id = (q.parked ->> 'workflow_run_id')::uuid
    left join public.fan_outs f on f.workflow_run_id = q.workflow_run_id and f.step_no = q.step_no
    where q.status = 'parked' and q.next_run_at > orchestrator.now()
      and not exists (select from orchestrator.signals s where s.job_id = q.job_id)
      and (
        q.parked ->> 'for' = 'run' and r.status <> 'running'
        or q.parked ->> 'for' = 'items' and (f.open = 0 or f.succeeded + f.open < f.needed)
        or q.parked ->> 'for' = 'event' and exists (
          select from orchestrator.event_candidates c where c.job_id = q.job_id and not c.is_refused
            and not exists (
              select from orchestrator.consumed_events t
              where t.workflow_run_id = q.workflow_run_id and t.event_id = c.event_id
            )
        )
      )`,
  "only unfinished jobs wait for events": `
    select w.* from orchestrator.event_waits w
    join public.job_queue q using (job_id) where q.finished_at is not null`,
  "only live runs hold or want slots": `
    select s.* from orchestrator.concurrency_slots s
    join public.workflow_runs r using (workflow_run_id) where r.status <> 'running'`,
  "no more runs hold a slot than their key allows": `
    select concurrency_key, count(*) from orchestrator.concurrency_slots
    where is_held group by concurrency_key, max_runs having count(*) > max_runs`,
  "a run that failed has a dead job or a timeout": `
    select r.workflow_run_id from public.workflow_runs r
    where r.status = 'failed' and r.cancel_reason is null and not exists (
      select from public.job_queue q where q.workflow_run_id = r.workflow_run_id and q.status = 'dead'
    )`,
};

/** Fails with every row that breaks a rule. */
export async function assertInvariants({ admin }: TestDatabase): Promise<void> {
  const broken: Record<string, unknown> = {};
  for (const [rule, query] of Object.entries(CHECKS)) {
    const rows = await admin.unsafe(query);
    if (rows.length > 0) broken[rule] = [...rows].slice(0, 5);
  }
  assert.deepEqual(broken, {});
}
