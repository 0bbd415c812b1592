// Retention in SQL: what is deleted and what is not, in which order, and that nobody waits for it.
import assert from "node:assert/strict";
import { openDatabase, type TestDatabase } from "../harness/database.ts";
import { chain, publish, writeWorkflow } from "../harness/definition.ts";
import { drain, lease, settle, success } from "../harness/worker.ts";
import { addOldRuns, DAY_MS, keepHistory, listKept, pruneAll } from "../harness/old_history.ts";

async function withHistory(
  run: (db: TestDatabase) => Promise<void>,
  days: Record<string, number> = {},
): Promise<void> {
  const db = await openDatabase({ isArranged: true });
  try {
    await keepHistory(db, days);
    await publish(db.rpc, writeWorkflow("chain", chain(2)));
    await run(db);
  } finally {
    await db.close();
  }
}

/** Rows of each table that a run leaves behind. */
async function countRows({ admin }: TestDatabase): Promise<Record<string, number>> {
  const [row] = await admin`
    select
      (select count(*)::int from workflow_runs) as runs,
      (select count(*)::int from job_queue) as jobs,
      (select count(*)::int from job_attempts) as attempts`;
  return { ...row };
}

Deno.test("each status is kept for its own time, and history_days is that of those that name none", () =>
  withHistory(async (db) => {
    const success = await addOldRuns(db, "chain", { days: 31 });
    const young = await addOldRuns(db, "chain", { days: 29 });
    const failed = await addOldRuns(db, "chain", { days: 89, status: "failed" });
    const oldFailed = await addOldRuns(db, "chain", { days: 91, status: "failed" });
    const cancelled = await addOldRuns(db, "chain", { days: 31, status: "cancelled" });
    await pruneAll(db);
    const all = [success, young, failed, oldFailed, cancelled].flat();
    assert.deepEqual(await listKept(db, all), [...young, ...failed].sort());
    assert.deepEqual(await countRows(db), { runs: 2, jobs: 4, attempts: 4 });
  }, { failed_history_days: 90 }));

Deno.test("a row of the settings table wins over what set-up found, at the next batch", () =>
  withHistory(async (db) => {
    const ids = await addOldRuns(db, "chain", { days: 20 });
    await pruneAll(db);
    assert.deepEqual(await listKept(db, ids), ids);
    await db.admin`insert into orchestrator_settings (name, value) values ('history_days', '10')`;
    await pruneAll(db);
    assert.deepEqual(await listKept(db, ids), []);
  }));

Deno.test("with a setting that is out of bounds, or that nobody told, nothing is deleted", () =>
  withHistory(async (db) => {
    const ids = await addOldRuns(db, "chain", { days: 4000 });
    for (const value of ["0", "-1", "1.5", '"soon"', "[]"]) {
      await db.admin`
        insert into orchestrator_settings (name, value) values ('history_days', ${value}::text::jsonb)
        on conflict (name) do update set value = excluded.value`;
      await assert.rejects(pruneAll(db), /history_days: it must be a whole number from 1, got/);
    }
    await db.admin`delete from orchestrator_settings`;
    await db.admin`delete from orchestrator.settings_at_setup where name = 'history_days'`;
    await assert.rejects(pruneAll(db), /set-up has not told it, run task setup/);
    assert.deepEqual(await listKept(db, ids), ids);
  }));

Deno.test("a run that goes on is kept however old, and so is one that was restarted", () =>
  withHistory(async (db) => {
    const [restarted] = await addOldRuns(db, "chain", { days: 400, status: "failed" });
    const { workflow_run_id: live } = await db.rpc.dispatchWorkflow({
      userId: "u",
      workflowKey: "chain",
    });
    await db.admin`
      update workflow_runs set created_at = now() - interval '400 days' where workflow_run_id = ${live!}`;
    await db.rpc.restartRun({ workflowRunId: restarted, mode: "failed", ring: false });
    await pruneAll(db);
    assert.deepEqual(await listKept(db, [live!, restarted]), [live!, restarted].sort());
    await drain(db.rpc);
    const [{ status }] = await db.admin`
      select status from workflow_runs where workflow_run_id = ${restarted}`;
    assert.equal(status, "success");
  }));

Deno.test("a run whose lock somebody holds is passed over without a wait, and pruned later", () =>
  withHistory(async (db) => {
    const ids = await addOldRuns(db, "chain", { runs: 3, days: 31 });
    await db.sql.begin(async (tx) => {
      await tx`select orchestrator.lock_runs(array[${ids[1]}::uuid], array[${ids[1]}::uuid])`;
      await pruneAll(db);
      assert.deepEqual(await listKept(db, ids), [ids[1]]);
    });
    await pruneAll(db);
    assert.deepEqual(await listKept(db, ids), []);
  }));

Deno.test("who retries or restarts a run that is being pruned waits for the batch and is told that it is gone", () =>
  withHistory(async (db) => {
    const [run] = await addOldRuns(db, "chain", { days: 31, status: "failed" });
    const [{ job_id }] = await db.admin`select min(job_id)::int as job_id from job_queue`;
    const [retrier, restarter] = [db.connect(), db.connect()];
    let answers: Promise<{ result: string }[]> | undefined;
    await db.sql.begin(async (pruner) => {
      await pruner`select public.prune_history(10)`;
      answers = Promise.all([
        retrier.rpc.retryJob({ jobId: job_id }),
        restarter.rpc.restartRun({ workflowRunId: run, mode: "failed" }),
      ]);
      for (const until = Date.now() + 20_000;;) {
        const [{ n }] = await db.admin`
          select count(*)::int as n from pg_locks
          where locktype = 'advisory' and not granted
            and database = (select oid from pg_database where datname = current_database())`;
        if (n === 2) break;
        assert.ok(Date.now() < until, "both wait for the run's lock");
      }
    });
    assert.deepEqual((await answers!).map((it) => it.result), ["not_found", "not_found"]);
    assert.deepEqual(await countRows(db), { runs: 0, jobs: 0, attempts: 0 });
  }));

Deno.test("a second pruner leaves at once", () =>
  withHistory(async (db) => {
    const ids = await addOldRuns(db, "chain", { days: 31 });
    await db.sql.begin(async (tx) => {
      await tx`select from orchestrator.prune_mark for update`;
      await pruneAll(db);
      assert.deepEqual(await listKept(db, ids), ids);
    });
  }));

Deno.test("a sub-run is kept for as long as the run that it belongs to", () =>
  withHistory(async (db) => {
    const [parent] = await addOldRuns(db, "chain", { days: 40, status: "failed" });
    const [child] = await addOldRuns(db, "chain", { days: 40 });
    await db.admin`
      update workflow_runs set parent_run_id = ${parent}, parent_job_id = 1
      where workflow_run_id = ${child}`;
    await pruneAll(db);
    assert.equal((await listKept(db, [parent, child])).length, 2);
    await keepHistory(db, { failed_history_days: 30 });
    // The parent goes first; what belonged to it, with the next walk.
    await pruneAll(db);
    await pruneAll(db);
    assert.deepEqual(await listKept(db, [parent, child]), []);
  }, { failed_history_days: 90 }));

Deno.test("old runs behind many that are kept are reached, and the walk begins anew at its end", () =>
  withHistory(async (db) => {
    const kept = await addOldRuns(db, "chain", { runs: 2500, days: 40, status: "failed" });
    const behind = await addOldRuns(db, "chain", { runs: 300, days: 40 });
    await pruneAll(db);
    assert.deepEqual(await listKept(db, behind), []);
    assert.equal((await listKept(db, kept)).length, 2500);
    const [{ at_start }] = await db.admin`
      select after_run_id = '00000000-0000-0000-0000-000000000000' as at_start
      from orchestrator.prune_mark`;
    assert.ok(at_start);
  }, { failed_history_days: 90 }));

Deno.test("all that belongs to a run goes with it: items, plans, slots of waits, large outputs", () =>
  withHistory(async (db) => {
    const [run] = await addOldRuns(db, "chain", { days: 31 });
    // More items than are deleted by one statement.
    await db.admin`
      insert into job_queue (workflow_run_id, definition_id, step_no, item_index, step_id, agent, user_id,
        status, max_attempts, next_run_at, payload, output_ref, created_at, finished_at)
      select workflow_run_id, definition_id, step_no, i, step_id, agent, user_id, 'success', 1, now(), payload,
        case when i = 7 then '{"path": "a/b.json", "bytes": 1, "sha256": "c"}'::jsonb end, created_at, finished_at
      from job_queue, generate_series(0, 4999) as i
      where workflow_run_id = ${run} and step_no = 1 and item_index = -1`;
    await db.admin`
      insert into fan_outs (workflow_run_id, step_no, total, open, needed, ends_early, released)
      values (${run}, 1, 5000, 0, 1, false, 5000)`;
    await db.admin`
      insert into orchestrator.consumed_events values (${run}, gen_random_uuid(), 1)`;
    await db.admin`
      insert into workflow_definitions (workflow_key, version, sha256, source, compiled, sinks, published_at)
      values (${run}, 1, '', '', '{}', 1, now())`;
    await pruneAll(db);
    const [left] = await db.admin`
      select (select count(*) from job_queue) + (select count(*) from fan_outs)
           + (select count(*) from orchestrator.consumed_events) + (select count(*) from job_attempts)
           + (select count(*) from workflow_definitions where workflow_key = ${run}) as n`;
    assert.equal(Number(left.n), 0);
    const stale = await db.admin`select path from orchestrator.stale_outputs`;
    assert.deepEqual(stale.map((row) => row.path), ["a/b.json"]);
  }));

Deno.test("events go by event_days, replies of agents stay as long as any run, audit rows for ever unless told", () =>
  withHistory(async (db) => {
    await db.admin`
      insert into intent_events (user_id, type, created_at)
      select 'u', 'e', now() - make_interval(days => d) from unnest(array[6, 8, 400]) as d`;
    await db.admin`
      insert into agent_replies (idempotency_key, request_hash, created_at)
      select d::text, 'h', now() - make_interval(days => d) from unnest(array[59, 61]) as d`;
    await db.admin`
      insert into orchestrator_audit (at, actor_kind, action, target, args, result)
      select now() - make_interval(days => d), 'service', 'run.cancel', d::text, '{}', 'cancelled'
      from unnest(array[3000, 300]) as d`;
    const count = async () => {
      const [row] = await db.admin`
        select (select count(*)::int from intent_events) as events,
               (select count(*)::int from agent_replies) as replies,
               (select count(*)::int from orchestrator_audit) as audit`;
      return { ...row };
    };
    await pruneAll(db);
    assert.deepEqual(await count(), { events: 1, replies: 1, audit: 2 });
    await keepHistory(db, { audit_days: 365 });
    await pruneAll(db);
    assert.deepEqual((await count()).audit, 1);
  }, { event_days: 7, failed_history_days: 60 }));

Deno.test("buckets that are full again go, those that an agent holds stay", () =>
  withHistory(async (db) => {
    await db.admin`
      insert into rate_limits (rl_key, tokens, last_refill, refill_rate, capacity, held_until)
      select 'user:' || lpad(n::text, 4, '0') || ':agent:a', 1, now() - interval '2 days', 1, 1,
             case when n = 5 then now() + interval '1 day' end
      from generate_series(1, 2500) as n`;
    // Buckets never keep the pruning going: each call takes the next thousand.
    for (const left of [1501, 501, 1]) {
      await pruneAll(db);
      assert.equal((await db.admin`select from rate_limits`).length, left);
    }
    const rows = await db.admin`select rl_key from rate_limits`;
    assert.deepEqual(rows.map((row) => row.rl_key), ["user:0005:agent:a"]);
  }));

Deno.test("a slow bucket that nobody asked for days is not full again by being tidied away", () =>
  withHistory(async (db) => {
    await db.admin`
      insert into rate_limits (rl_key, tokens, last_refill, refill_rate, capacity)
      values ('slow', 0, now() - interval '2 days', 0.00001, 10),
             ('quick', 0, now() - interval '2 days', 1, 10),
             ('endless', 0, now() - interval '2 days', 1, null)`;
    await pruneAll(db);
    const rows = await db.admin`select rl_key from rate_limits`;
    assert.deepEqual(rows.map((row) => row.rl_key), ["slow"]);
  }));

Deno.test("definitions go with the last run of a workflow that has been archived for long", () =>
  withHistory(async (db) => {
    const [run] = await addOldRuns(db, "chain", { days: 29 });
    await db.rpc.archiveWorkflow({ workflowKey: "chain" });
    const prune = async (): Promise<number> => {
      await pruneAll(db);
      await db.admin`call orchestrator.prune_definitions()`;
      return (await db.admin`select from workflow_definitions`).length;
    };
    assert.equal(await prune(), 1, "archived just now");
    await db.admin`update workflows set archived_at = now() - interval '31 days'`;
    assert.equal(await prune(), 1, "a run of it can still be restarted");
    await db.admin`
      update workflow_runs set finished_at = now() - interval '31 days' where workflow_run_id = ${run}`;
    assert.equal(await prune(), 0);
    assert.equal((await db.admin`select from workflows`).length, 0);
    const again = await publish(db.rpc, writeWorkflow("chain", chain(2)));
    assert.equal(again.result, "published");
    await publish(db.rpc, writeWorkflow("chain", chain(3)));
    assert.equal(await prune(), 2, "old versions of a workflow that is in use stay");
  }));

Deno.test("no statement of the pruning scans a table of history", () =>
  withHistory(async (db) => {
    await addOldRuns(db, "chain", { runs: 50, days: 31 });
    const tables = ["workflow_runs", "job_queue", "job_attempts", "intent_events", "agent_replies"];
    await db.admin.begin(async (tx) => {
      // What another statement of this transaction counted is not ours.
      const scans = () =>
        tx<{ relname: string; n: number }[]>`
          select relname, seq_scan::int as n from pg_stat_xact_user_tables
          where schemaname = 'public' and relname = any (${tables}) order by 1`;
      const before = await scans();
      await tx`select public.prune_history(20)`;
      await tx`set local plan_cache_mode = force_generic_plan`;
      await tx`select public.prune_history(20)`;
      assert.deepEqual([...await scans()], [...before]);
    });
  }));

Deno.test("neither lease nor completion ever waits for the pruning of history beside them", () =>
  withHistory(async (db) => {
    await addOldRuns(db, "chain", { runs: 2000, days: 31 });
    await db.rpc.dispatchWorkflows({
      requests: Array.from(
        { length: 500 },
        (_, n) => ({ user_id: `u${n}`, workflow_key: "chain" }),
      ),
      ring: false,
    });
    let isPruning = true;
    const pruning = pruneAll(db).finally(() => isPruning = false);
    const worker = db.connect();
    // A wait for a lock of the pruning would fail the call.
    await worker.sql`set lock_timeout = '50ms'`;
    let duringPruning = 0;
    const work = (async () => {
      for (;;) {
        const jobs = await lease(worker.rpc);
        if (jobs.length === 0) return;
        const results = await settle(worker.rpc, jobs, () => success());
        assert.ok(results.every((result) => result.applied));
        if (isPruning) duringPruning += jobs.length;
      }
    })();
    await Promise.all([pruning, work]);
    assert.ok(duringPruning > 0, "the load ran while history was pruned");
    assert.deepEqual(await countRows(db), { runs: 500, jobs: 1000, attempts: 1000 });
  }));

Deno.test("each batch of the pruning is a transaction of its own", () =>
  withHistory(async (db) => {
    const ids = await addOldRuns(db, "chain", { runs: 600, days: 31 });
    // Somebody has a row of the last run: pruning waits there, with all batches before it committed.
    let pruned: Promise<void> | undefined;
    await db.sql.begin(async (blocker) => {
      await blocker`select from job_queue where workflow_run_id = ${ids.at(-1)!} for update`;
      const pruning = pruneAll(db);
      const looking = db.connect();
      for (const until = Date.now() + 20_000;;) {
        if ((await listKept({ admin: looking.sql }, ids)).length === 200) break;
        assert.ok(Date.now() < until, "two batches are committed while the third waits");
      }
      pruned = pruning;
    });
    await pruned;
    assert.deepEqual(await listKept(db, ids), []);
  }));

Deno.test("an idempotency key whose run was pruned starts a new run", () =>
  withHistory(async (db) => {
    const dispatch = async () => (await db.rpc.dispatchWorkflow({
      userId: "u",
      workflowKey: "chain",
      idempotencyKey: "k",
    }));
    const first = await dispatch();
    await drain(db.rpc);
    assert.equal((await dispatch()).result, "existing");
    await db.setClock(new Date(Date.now() + 31 * DAY_MS));
    await pruneAll(db);
    const second = await dispatch();
    assert.equal(second.result, "created");
    assert.notEqual(second.workflow_run_id, first.workflow_run_id);
  }));
