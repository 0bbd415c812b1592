// The archive on the real stack: pruning picks the runs, the cron function writes them to Storage, and
// only then are they deleted; and the same when Storage is away or the writer dies half way.
import assert from "node:assert/strict";
import { ARCHIVE_BUCKET } from "../../supabase/functions/_shared/archive/bucket.ts";
import { nameFile, writeBatches } from "../../supabase/functions/_shared/archive/write_batches.ts";
import { connect } from "../../supabase/functions/_shared/database/client.ts";
import type { Rpc } from "../../supabase/functions/_shared/database/rpc.ts";
import { OUTPUT_BUCKET } from "../../supabase/functions/_shared/outputs/bucket.ts";
import { chain, publish, writeWorkflow } from "../harness/definition.ts";
import { openStack, type TestStack } from "../harness/stack.ts";
import { addOldRuns, keepHistory, listKept, pruneAll } from "../harness/old_history.ts";

let s: TestStack;
let rpc: Rpc;
let storage: ReturnType<typeof connect>["storage"];

Deno.test.beforeAll(async () => {
  s = await openStack({ loops: { cron: false, net: false } });
  ({ rpc, storage } = connect(s.stack.url, s.stack.keys.secret));
  await publish(s.db.rpc, writeWorkflow("chain", chain(2)));
  await keepHistory(s.db, { archive_history: 1 });
});
Deno.test.afterAll(() => s.close());

const tick = () => s.post("cron-orchestrator");

async function readFile(bucket: string, path: string): Promise<string | null> {
  const { data } = await storage.from(bucket).download(path);
  return data === null ? null : await data.text();
}

/** The waiting batches, as the cron function gets them. */
async function listWaiting() {
  return (await s.db.rpc.listArchiveBatches({ limit: 100 })).batches;
}

Deno.test("old runs are deleted only once they lie in the archive, one line a run with jobs and attempts", async () => {
  const ids = await addOldRuns(s.db, "chain", { runs: 3, days: 40 });
  const failed = await addOldRuns(s.db, "chain", { days: 41, status: "failed" });
  await pruneAll(s.db);
  assert.equal((await listKept(s.db, [...ids, ...failed])).length, 4, "not archived yet");
  const batches = await listWaiting();
  assert.deepEqual(batches.map((batch) => batch.workflow_run_ids.length).sort(), [1, 3]);

  const { status, body } = await tick();
  assert.deepEqual([status, body.runs_archived], [200, 4]);
  assert.deepEqual(await listWaiting(), []);
  await pruneAll(s.db);
  assert.deepEqual(await listKept(s.db, [...ids, ...failed]), []);
  const [{ left }] = await s.db.admin`
    select (select count(*) from orchestrator.archive_runs) + (select count(*) from job_queue) as left`;
  assert.equal(Number(left), 0);

  const batch = batches.find((it) => it.workflow_run_ids.length === 3)!;
  const day = new Date(Date.now() - 40 * 86_400_000).toISOString().slice(0, 10);
  const path = nameFile(batch, 1);
  assert.equal(path, `chain/${day.replaceAll("-", "/")}/${batch.batch_id}.ndjson`);
  const lines = (await readFile(ARCHIVE_BUCKET, path))!.trimEnd().split("\n").map((line) =>
    JSON.parse(line)
  );
  assert.deepEqual(lines.map((line) => line.workflow_run_id), ids);
  for (const run of lines) {
    assert.deepEqual([run.status, run.workflow_key, run.workflow_version], ["success", "chain", 1]);
    assert.deepEqual(run.jobs.map((job: { step_id: string }) => job.step_id), ["s1", "s2"]);
    for (const job of run.jobs) {
      assert.deepEqual([job.attempts_made.length, job.attempts_made[0].success], [1, true]);
    }
  }
  const { data } = await storage.getBucket(ARCHIVE_BUCKET);
  assert.equal(data?.public, false);
});

Deno.test("the tick of pg_cron calls the function when runs await the archive, and not else", async () => {
  await tick();
  const hasCalled = async () =>
    (await s.db.admin`select orchestrator.tick_cron() as called`)[0].called;
  assert.equal(await hasCalled(), false);
  await addOldRuns(s.db, "chain", { days: 40 });
  await pruneAll(s.db);
  assert.equal(await hasCalled(), true);
  await tick();
  await pruneAll(s.db);
});

Deno.test("an output in Storage stays there when the archive refers to it", async () => {
  const [run] = await addOldRuns(s.db, "chain", { days: 40 });
  const path = `${run}/output.json`;
  await storage.from(OUTPUT_BUCKET).upload(path, new Blob(["[1]"]));
  await s.db.admin`
    update job_queue set output_ref = ${s.db.admin.json({ path, bytes: 3, sha256: "x" })}
    where workflow_run_id = ${run} and step_id = 's1'`;
  await pruneAll(s.db);
  const [batch] = await listWaiting();
  await tick();
  await pruneAll(s.db);
  await tick();
  assert.deepEqual(await listKept(s.db, [run]), []);
  const line = JSON.parse((await readFile(ARCHIVE_BUCKET, nameFile(batch, 1)))!);
  assert.equal(line.jobs[0].output_ref.path, path);
  assert.equal(await readFile(OUTPUT_BUCKET, path), "[1]");
});

Deno.test("while Storage is away nothing is deleted, and after an hour health warns", async () => {
  const ids = await addOldRuns(s.db, "chain", { days: 40 });
  await pruneAll(s.db);
  await s.db.admin`
    alter table storage.objects add constraint is_away check (bucket_id <> 'workflow-archive') not valid`;
  try {
    assert.notEqual((await tick()).status, 200);
    await pruneAll(s.db);
    assert.deepEqual(await listKept(s.db, ids), ids);
    const warnings = async () => (await s.db.rpc.getHealth()).warnings.join("\n");
    assert.doesNotMatch(await warnings(), /archived/);
    await s.db.admin`
      update orchestrator.archive_batches set created_at = created_at - interval '61 minutes'`;
    assert.doesNotMatch(
      await warnings(),
      /archived/,
      "others are being archived: it will have its turn",
    );
    await s.db.admin`
      update orchestrator.archive_batches set archived_at = archived_at - interval '61 minutes'`;
    assert.match(await warnings(), /runs have waited since .* to be archived/);
  } finally {
    await s.db.admin`alter table storage.objects drop constraint is_away`;
  }
  assert.equal((await tick()).status, 200);
  await pruneAll(s.db);
  assert.deepEqual(await listKept(s.db, ids), []);
});

Deno.test("a writer that dies before its note is made good by the next one, in the same file", async () => {
  await addOldRuns(s.db, "chain", { runs: 2, days: 40 });
  await pruneAll(s.db);
  const written: string[] = [];
  const store = {
    put: (path: string, text: string) => {
      written.push(path, text);
      return Promise.resolve();
    },
  };
  const dying = {
    ...rpc,
    finishArchive: () => Promise.reject(new Error("the isolate ended")),
  };
  await assert.rejects(writeBatches(dying, store), /the isolate ended/);
  assert.deepEqual(await writeBatches(rpc, store), { runs_archived: 2 });
  assert.deepEqual(written.slice(0, 2), written.slice(2));
  await pruneAll(s.db);
});

Deno.test("a run that is restarted while it awaits deletion stays, and its new end is archived anew", async () => {
  const [run] = await addOldRuns(s.db, "chain", { days: 40, status: "failed" });
  await pruneAll(s.db);
  await tick();
  await s.db.rpc.restartRun({ workflowRunId: run, mode: "failed", ring: false });
  await pruneAll(s.db);
  assert.deepEqual(await listKept(s.db, [run]), [run]);
  await s.db.rpc.cancelRun({ workflowRunId: run });
  await s.db.admin`
    update workflow_runs set finished_at = now() - interval '39 days' where workflow_run_id = ${run}`;
  await pruneAll(s.db);
  assert.deepEqual(await listKept(s.db, [run]), [run], "the archive has another end of it");
  assert.deepEqual((await listWaiting()).map((batch) => batch.workflow_run_ids), [[run]]);
  await tick();
  await pruneAll(s.db);
  assert.deepEqual(await listKept(s.db, [run]), []);
});

Deno.test("a run of many large outputs is cut into lines and files of bounded size, complete and in order", async () => {
  const [run] = await addOldRuns(s.db, "chain", { days: 40 });
  await s.db.admin`
    insert into job_queue (workflow_run_id, definition_id, step_no, item_index, step_id, agent, user_id,
      status, max_attempts, next_run_at, payload, output, created_at, finished_at)
    select workflow_run_id, definition_id, step_no, i, step_id, agent, user_id, 'success', 1, now(), payload,
      to_jsonb(repeat('x', 20000)), created_at, finished_at
    from job_queue, generate_series(0, 699) as i
    where workflow_run_id = ${run} and step_no = 1 and item_index = -1`;
  await pruneAll(s.db);
  const [batch] = await listWaiting();
  await tick();
  const files = await Promise.all(
    [1, 2, 3].map((part) => readFile(ARCHIVE_BUCKET, nameFile(batch, part))),
  );
  assert.deepEqual(files.map((text) => text !== null), [true, true, false]);
  const lines = files.flatMap((text) => text?.trimEnd().split("\n") ?? []);
  assert.ok(lines.every((line) => line.length < 4_300_000), "a line is bounded");
  const runs = lines.map((line) => JSON.parse(line));
  assert.ok(runs.every((it) => it.workflow_run_id === run && it.workflow_key === "chain"));
  const jobs = runs.flatMap((it) => it.jobs.map((job: { job_id: number }) => job.job_id));
  assert.equal(jobs.length, 702);
  assert.deepEqual(jobs, jobs.toSorted((a, b) => a - b));
  await pruneAll(s.db);
});

Deno.test("a tick writes no more than its share: what does not fit goes into another batch", async () => {
  const ids = await addOldRuns(s.db, "chain", { runs: 20, days: 40 });
  await pruneAll(s.db);
  const [batch] = await listWaiting();
  // Runs of 3 MiB each, as the database would tell them.
  const large = {
    ...rpc,
    readArchive: async (a: { workflowRunId: string; afterJob: number; maxBytes: number }) => {
      const run = await rpc.readArchive(a);
      return run === null ? null : { ...run, payload: "x".repeat(3 * 1024 * 1024) };
    },
  };
  const lines: string[] = [];
  const store = {
    put: (_: string, text: string) => {
      lines.push(...text.trimEnd().split("\n"));
      return Promise.resolve();
    },
  };
  const { runs_archived: first } = await writeBatches(large, store);
  assert.equal(first, 11);
  assert.deepEqual(lines.map((line) => JSON.parse(line).workflow_run_id), ids.slice(0, 11));
  await pruneAll(s.db);
  assert.deepEqual(await listKept(s.db, ids), ids.slice(11));
  const [next] = await listWaiting();
  assert.notEqual(next.batch_id, batch.batch_id);
  assert.deepEqual(next.workflow_run_ids, ids.slice(11));
  await tick();
  await pruneAll(s.db);
  assert.deepEqual(await listKept(s.db, ids), []);
});

Deno.test("with the archive switched off again, what waits for it is deleted without", async () => {
  const ids = await addOldRuns(s.db, "chain", { days: 40 });
  await pruneAll(s.db);
  await keepHistory(s.db, { archive_history: 0 });
  await pruneAll(s.db);
  assert.deepEqual(await listKept(s.db, ids), []);
  assert.deepEqual(await listWaiting(), []);
  await keepHistory(s.db, { archive_history: 1 });
});
