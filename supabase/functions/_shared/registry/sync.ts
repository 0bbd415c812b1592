// Brings the registry in line with the bucket: publishes what changed, refuses what is invalid (the
// published version stays), archives what is gone. Serves the registry; run by every cron tick.
import type { SyncCounts } from "../contract/answers/workflows.ts";
import { OrchestratorError } from "../contract/errors.ts";
import type { StaleWorkflowFile } from "../database/rows.ts";
import { logEvent } from "../log.ts";
import { checkSource, publishChecked } from "./publish.ts";
import type { RegistryDeps } from "./read_through.ts";

/** Syncs once. A failing file does not stop the others; throws only if database or bucket is away. */
export async function syncRegistry(deps: RegistryDeps): Promise<SyncCounts> {
  const counts: SyncCounts = {
    published: 0,
    unchanged: 0,
    rejected: 0,
    archived: 0,
    failed: 0,
  };
  for (const file of await deps.rpc.listStaleWorkflowFiles()) {
    try {
      counts[await syncFile(file, deps)]++;
    } catch (error) {
      if (error instanceof OrchestratorError && error.kind === "unavailable") {
        throw error;
      }
      counts.failed++;
      logEvent("error", "registry.sync_failed", {
        file: file.source_path,
        error,
      });
    }
  }
  return counts;
}

async function syncFile(file: StaleWorkflowFile, deps: RegistryDeps): Promise<keyof SyncCounts> {
  const { source_path, etag, state } = file;
  if (state === "removed") {
    const { result } = await deps.rpc.removeWorkflowFile({ sourcePath: source_path });
    return result === "archived" ? "archived" : "unchanged";
  }
  const source = await deps.bucket.download(source_path);
  // Removed since it was listed: the next sync sees that.
  if (source === null) return "unchanged";
  const candidate = { source, file: source_path, etag };
  const checked = await checkSource(candidate, deps);
  if (checked.ok) {
    const { result } = await publishChecked(candidate, checked.workflow, deps.rpc);
    return result;
  }
  const { problems } = checked;
  await deps.rpc.rejectWorkflowFile({
    sourcePath: source_path,
    sourceEtag: etag,
    problems,
  });
  logEvent("warn", "registry.file_rejected", {
    file: source_path,
    problem: problems[0].message,
  });
  return "rejected";
}
