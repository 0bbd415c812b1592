// The function `cron-orchestrator`: pg_cron's tick. Brings the registry in line with the bucket, fires
// the schedules that are due, writes old runs to the archive, removes files of outputs that no job has any
// more, and exports traces; Postgres rings the worker for the runs that this starts.
import { ArchiveBucket } from "../_shared/archive/bucket.ts";
import { writeBatches } from "../_shared/archive/write_batches.ts";
import { connect } from "../_shared/database/client.ts";
import { readProject } from "../_shared/database/project.ts";
import { createSettingsReader } from "../_shared/database/settings.ts";
import { createRouter } from "../_shared/http/router.ts";
import { logEvent } from "../_shared/log.ts";
import { OutputBucket } from "../_shared/outputs/bucket.ts";
import { pruneOutputs } from "../_shared/outputs/prune.ts";
import { getEnv } from "../_shared/platform.ts";
import { WorkflowBucket } from "../_shared/registry/bucket.ts";
import { syncRegistry } from "../_shared/registry/sync.ts";
import { TraceExporter } from "../_shared/tracing/exporter.ts";
import { fireDue } from "./fire_due.ts";

const { url, secretKey } = readProject();
const { rpc, storage } = connect(url, secretKey);
const bucket = new WorkflowBucket(storage);
const outputs = new OutputBucket(storage);
const archive = new ArchiveBucket(storage);
const loadSettings = createSettingsReader(rpc);
const traces = new TraceExporter(rpc, getEnv);
const router = createRouter({ functionName: "cron-orchestrator" });

router.post("*", async (context) => {
  const settings = await loadSettings();
  // First the files, so that a schedule that was just uploaded is planned by this tick. A part that
  // fails is told at the end and does not stop the others.
  const [synced] = await Promise.allSettled([
    syncRegistry({ bucket, rpc, settings }),
  ]);
  const [fired] = await Promise.allSettled([
    fireDue(rpc, settings.scheduleGraceMs),
  ]);
  // Last: nobody waits for them.
  const [archived] = await Promise.allSettled([writeBatches(rpc, archive)]);
  const [pruned, exported] = await Promise.allSettled([
    pruneOutputs(rpc, outputs),
    exportTraces(),
  ]);
  const counts = {
    ...(fired.status === "fulfilled" ? fired.value : {}),
    ...(synced.status === "fulfilled" ? synced.value : {}),
    ...(archived.status === "fulfilled" ? archived.value : {}),
    ...(pruned.status === "fulfilled" ? pruned.value : {}),
    ...(exported.status === "fulfilled" ? exported.value : {}),
  };
  const failures = [fired, synced, archived, pruned, exported]
    .filter((part) => part.status === "rejected");
  for (const { reason } of failures) {
    logEvent("warn", "trigger.tick_failed", { ...counts, error: reason });
  }
  if (failures.length > 0) throw failures[0].reason;
  logEvent("info", "trigger.ticked", counts);
  return context.json(counts);
});

async function exportTraces() {
  await traces.endIfOff();
  await traces.keepOn();
  return await traces.flush();
}

Deno.serve(router.fetch);
