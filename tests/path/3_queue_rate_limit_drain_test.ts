// Queue, rate limits in real time: the whole system keeps to a bucket, and uses it fully.
import assert from "node:assert/strict";
import { openStack, waitForRun } from "../harness/stack.ts";

const CAPACITY = 5;
const PER_SECOND = 10;
const JOBS = 200;
/** The first tokens are there at once, every other one takes its time. */
const ALLOWED_S = (JOBS - CAPACITY) / PER_SECOND;

const s = await openStack({ loops: { cron: false } });
const ended = waitForRun(s);
Deno.test.afterAll(() => s.close());

Deno.test("200 jobs on a key of capacity 5 and 10 tokens a second take the 19.5 s that the bucket allows", async () => {
  const { db } = s;
  await s.publish("limited", [{ id: "only", call: "/functions/v1/agent-proxy/noop" }]);
  await db.admin`
    insert into rate_limit_policies (pattern, capacity, refill_rate)
    values ('user:busy:agent:noop', ${CAPACITY}, ${PER_SECOND})`;
  const busy = await s.enqueue("limited", Array.from({ length: JOBS }, () => ({ user: "busy" })));
  const other = await s.enqueue("limited", Array.from({ length: 40 }, () => ({ user: "other" })));
  await s.post("orchestrator/worker");

  const runs = await ended([...busy, ...other]);
  assert.ok(runs.every((run) => run.status === "success"));
  const [spent] = await db.admin`
    select extract(epoch from max(finished_at) - min(started_at))::float8 as seconds, max(attempt) as attempts,
      count(*)::int as calls
    from job_attempts where workflow_run_id = any (${busy}::uuid[])`;
  assert.ok(
    spent.seconds > ALLOWED_S * 0.95 && spent.seconds < ALLOWED_S * 1.15,
    `${spent.seconds} s`,
  );
  assert.deepEqual([spent.attempts, spent.calls], [1, JOBS], "no attempt was burned");

  const [delayed] = await db.admin`
    select count(*)::int as jobs from job_queue
    where workflow_run_id = any (${busy}::uuid[]) and finished_at < (
      select max(finished_at) from job_queue where workflow_run_id = any (${other}::uuid[])
    )`;
  // They were queued behind all 200, and were done while the bucket had hardly begun to refill.
  assert.ok(delayed.jobs < JOBS / 5, `${delayed.jobs} jobs of the limited user were done before`);
});
