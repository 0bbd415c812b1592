// Removes the files of outputs that no job has any more: those of pruned runs, and of results that
// came too late. First the files, then the notes of them, so that none is forgotten while it exists.
import type { Rpc } from "../database/rpc.ts";
import type { OutputStore } from "./store.ts";

/** The part of the database's seam that knows which files are stale. */
export type StaleOutputs = Pick<Rpc, "listStaleOutputs" | "forgetOutputs">;

/** Storage takes at most 1,000 names in one call. */
const BATCH_SIZE = 500;
/** Bounds one tick; what is left is the next one's. */
const BATCHES_MAX = 10;

/** Removes stale files, a bounded number in one call. Throws OrchestratorError. */
export async function pruneOutputs(
  rpc: StaleOutputs,
  store: Pick<OutputStore, "remove">,
): Promise<{ outputs_removed: number }> {
  let removed = 0;
  for (let batch = 0; batch < BATCHES_MAX; batch++) {
    const { paths } = await rpc.listStaleOutputs({ limit: BATCH_SIZE });
    if (paths.length === 0) break;
    await store.remove(paths);
    await rpc.forgetOutputs({ paths });
    removed += paths.length;
    if (paths.length < BATCH_SIZE) break;
  }
  return { outputs_removed: removed };
}
