// The limit to hold the SQL core against: the three writes that no queue with leases and a history
// can do without (lease with a token, complete, attempt row), in two statements a batch and nothing else.
import type postgres from "postgres";
import type { BenchDatabase } from "../database.ts";
import { drainAll } from "../drain_all.ts";

const TABLES = `
  create table bare_jobs (
    job_id bigint generated always as identity primary key,
    user_id text not null,
    status text not null,
    priority integer not null default 100,
    next_run_at timestamptz not null,
    attempts integer not null default 0,
    lease_token uuid,
    lease_until timestamptz,
    payload jsonb not null,
    output jsonb,
    created_at timestamptz not null default now(),
    finished_at timestamptz
  ) with (fillfactor = 70);
  create index on bare_jobs (priority, next_run_at, job_id) where status = 'queued';
  create index on bare_jobs (lease_until) where status = 'leased';
  create table bare_attempts (
    attempt_id bigint generated always as identity primary key,
    job_id bigint not null,
    attempt integer not null,
    finished_at timestamptz not null,
    success boolean not null,
    status_code integer
  );
  create index on bare_attempts (job_id);`;

export interface BareRates {
  insertedPerSecond: number;
  drainedPerSecond: number;
}

/** Inserts `jobs` in bulk and drains them in batches over `connections`; answers jobs per second of each. */
export async function measureBareLoop(
  database: BenchDatabase,
  { jobs, batch, connections, insertBatch }: {
    jobs: number;
    batch: number;
    connections: number;
    insertBatch: number;
  },
): Promise<BareRates> {
  const loops = Array.from({ length: connections }, () => database.connect());
  await database.admin.unsafe(TABLES);
  // Warm-up: connections, statements and plans are ready before the clock starts.
  await insertJobs(loops[0], batch * 10 * connections, insertBatch);
  await drainAll(loops, (sql) => drain(sql, batch));

  const insertSeconds = await insertJobs(loops[0], jobs, insertBatch);
  await database.settleDown();
  const { seconds, drained } = await drainAll(loops, (sql) => drain(sql, batch));
  if (drained !== jobs) throw new Error(`the bare loop drained ${drained} of ${jobs} jobs`);
  return { insertedPerSecond: jobs / insertSeconds, drainedPerSecond: jobs / seconds };
}

async function insertJobs(sql: postgres.Sql, jobs: number, insertBatch: number): Promise<number> {
  const startedAt = performance.now();
  for (let at = 0; at < jobs; at += insertBatch) {
    const users = Array.from({ length: Math.min(insertBatch, jobs - at) }, (_, n) => `u${n % 50}`);
    await sql`
      insert into bare_jobs (user_id, status, next_run_at, payload)
      select u, 'queued', now(), '{"call": "/functions/v1/agent-proxy/noop", "timeout_ms": 15000}'
      from unnest(${users}::text[]) as u`;
  }
  return (performance.now() - startedAt) / 1000;
}

async function drain(sql: postgres.Sql, batch: number): Promise<number> {
  let drained = 0;
  for (;;) {
    const leased = await sql<{ job_id: string; lease_token: string }[]>`
      update bare_jobs
      set status = 'leased', lease_token = gen_random_uuid(),
          lease_until = now() + interval '30 seconds', attempts = attempts + 1
      where job_id = any (array(
        select job_id from bare_jobs
        where status = 'queued' and next_run_at <= now()
        order by priority, next_run_at, job_id
        limit ${batch}
        for update skip locked
      ))
      returning job_id, lease_token, user_id, attempts, payload`;
    if (leased.length === 0) return drained;
    const ids = leased.map((job) => job.job_id);
    const tokens = leased.map((job) => job.lease_token);
    await sql`
      with completed as (
        update bare_jobs j
        set status = 'success', output = '{"ok": true}', finished_at = now(),
            lease_token = null, lease_until = null
        from unnest(${ids}::bigint[], ${tokens}::uuid[]) as r (job_id, lease_token)
        where j.job_id = any (${ids}::bigint[]) and j.job_id = r.job_id and j.lease_token = r.lease_token
        returning j.job_id, j.attempts
      )
      insert into bare_attempts (job_id, attempt, finished_at, success, status_code)
      select job_id, attempts, now(), true, 200 from completed`;
    drained += leased.length;
  }
}
