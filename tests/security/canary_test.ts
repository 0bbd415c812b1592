// Every secret that the system knows is searched for in everything that it leaves behind.
import assert from "node:assert/strict";
import { ARCHIVE_BUCKET } from "../../supabase/functions/_shared/archive/bucket.ts";
import { OUTPUT_BUCKET } from "../../supabase/functions/_shared/outputs/bucket.ts";
import { keepHistory, pruneAll } from "../harness/old_history.ts";
import { waitFor } from "../harness/stack.ts";
import { readFiles, readTables, type Trace } from "./canary_search.ts";
import { exercise } from "./canary_exercise.ts";
import { type CanaryStack, openCanaryStack } from "./canary_stack.ts";

/** Columns that hold secrets by nature. */
const LEFT_OUT: Record<string, string> = {
  "table vault.secrets.secret": "Vault's own ciphertext, which the local stack only encodes",
};

let s: CanaryStack;
Deno.test.beforeAll(async () => {
  s = await openCanaryStack();
});
Deno.test.afterAll(() => s.close());

const readRows = () => readTables(s.db.admin, Object.keys(LEFT_OUT));

/** What processes wrote: functions, the stack, and Postgres since the stack was opened. */
async function readLogs(): Promise<Trace[]> {
  const [{ text }] = await s.db.admin`
    select pg_read_file('server.log', ${s.logStart}, 1000000000, true) as text`;
  return [
    ...readFiles("log", `${s.stack.dataDir}/logs`),
    { place: "log of Postgres", text: text ?? "" },
  ];
}

/** The files of all buckets, by their names. */
async function readBuckets(): Promise<Trace[]> {
  const objects = await s.db.admin`select bucket_id, name, version from storage.objects`;
  return objects.map(({ bucket_id, name, version }) => ({
    place: `file of the bucket ${bucket_id}: ${name}`,
    text: Deno.readTextFileSync(`${s.stack.dataDir}/storage/${version}`),
  }));
}

/** The runs that have ended lie in the archive, as if that had been long ago. */
async function archiveEnded(): Promise<void> {
  await keepHistory(s.db, { archive_history: 1 });
  await s.db.admin`
    update workflow_runs
    set created_at = created_at - interval '100 days', finished_at = finished_at - interval '100 days'
    where finished_at is not null`;
  await pruneAll(s.db);
  const { body } = await s.post("cron-orchestrator");
  assert.ok(body.runs_archived as number > 0, JSON.stringify(body));
}

Deno.test("no secret is in a table, a log, a file, a span, an answer or a message to somebody else", async () => {
  await exercise(s);
  await waitFor("spans of the runs", async () => {
    await s.ask("POST", "/worker?wait=true");
    return (await s.spans.read()).requests.length > 0;
  });
  // pg_net keeps a request's headers until it has sent it.
  await waitFor("pg_net to send everything", async () => {
    const [{ n }] = await s.db.admin`select count(*)::int as n from net.http_request_queue`;
    return n === 0;
  });
  await waitFor(
    "deliveries to both",
    () => s.slack.received.length > 0 && s.webhook.received.length > 0,
  );
  const before = await readRows();
  const seen = new Set(before.map(({ place }) => place.split(".")[1]));
  for (
    const table of [
      "job_attempts",
      "agent_replies",
      "orchestrator_audit",
      "deliveries",
      "_http_response",
    ]
  ) {
    assert.ok(seen.has(table), `nothing was written to ${table}`);
  }
  await archiveEnded();
  const files = await readBuckets();
  for (const bucket of [OUTPUT_BUCKET, ARCHIVE_BUCKET]) {
    assert.ok(
      files.some(({ place }) => place.includes(` ${bucket}:`)),
      `nothing lies in ${bucket}`,
    );
  }

  const traces: Trace[] = [
    ...before,
    ...await readRows(),
    ...await readLogs(),
    ...files,
    ...await s.readAnswers(),
    { place: "broadcasts", text: JSON.stringify(s.stack.listBroadcasts()) },
  ];
  assert.deepEqual(s.search.find(traces), []);
});

Deno.test("the search finds a secret where one is", async () => {
  const found = await s.db
    .admin`select name, decrypted_secret as text from vault.decrypted_secrets`;
  const traces = found.map(({ name, text }) => ({ place: name, text }));
  assert.ok(s.search.find(traces).length >= 5, "Vault holds the keys that were searched for");
});
