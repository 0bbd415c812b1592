// Writes runs that are old into the archive, batch by batch: first the files, then the note that they
// are there, after which Postgres may delete the runs. Files are named by the batch, so that what is
// done again after a crash lands in the same files.
import type { Rpc } from "../database/rpc.ts";
import type { ArchiveBatch } from "../database/rows.ts";
import { countBytes } from "../outputs/json_text.ts";
import type { ArchiveStore } from "./bucket.ts";

/** The part of the database's seam that knows what is to be archived. */
export type ArchivedHistory = Pick<Rpc, "listArchiveBatches" | "readArchive" | "finishArchive">;

/** A file is closed at this size: it is held in memory until it is sent. */
const FILE_BYTES = 8_388_608;
/** Jobs of one line, by the length of their JSON; a run that has more gets several lines. */
const LINE_BYTES = 4_194_304;
/** Runs that are read at once. */
const READS = 8;
/** Bounds one tick in time and, for the platform's limit of CPU time, in work; the rest is the next one's. */
const BUDGET_MS = 20_000;
const BUDGET_BYTES = 33_554_432;

/** Writes what waits, within a time that a tick may take. Throws OrchestratorError. */
export async function writeBatches(
  rpc: ArchivedHistory,
  store: ArchiveStore,
  now: () => number = Date.now,
): Promise<{ runs_archived: number }> {
  const until = now() + BUDGET_MS;
  let [archived, bytes] = [0, 0];
  while (now() < until && bytes < BUDGET_BYTES) {
    const { batches: [batch] } = await rpc.listArchiveBatches({ limit: 1 });
    if (batch === undefined) break;
    const written = await writeBatch(batch, rpc, store, BUDGET_BYTES - bytes);
    await rpc.finishArchive({ batchId: batch.batch_id, workflowRunIds: written.ids });
    archived += written.ids.length;
    bytes += written.bytes;
  }
  return { runs_archived: archived };
}

/** `invoices_v1/2026/11/23/42.ndjson`; what does not fit goes to `42-2.ndjson` and on. */
export function nameFile({ batch_id, workflow_key, finished_on }: ArchiveBatch, part: number) {
  const suffix = part === 1 ? "" : `-${part}`;
  return `${workflow_key}/${finished_on.replaceAll("-", "/")}/${batch_id}${suffix}.ndjson`;
}

/** Writes whole runs, of which the last one may cross `maxBytes`; answers which those were. */
async function writeBatch(
  batch: ArchiveBatch,
  rpc: ArchivedHistory,
  store: ArchiveStore,
  maxBytes: number,
): Promise<{ ids: string[]; bytes: number }> {
  let [text, size, part, bytes] = ["", 0, 1, 0];
  const ids: string[] = [];
  for await (const { id, line } of readLines(batch.workflow_run_ids, rpc)) {
    if (ids.at(-1) !== id) {
      if (bytes >= maxBytes) break;
      ids.push(id);
    }
    text += line;
    size += countBytes(line);
    bytes += countBytes(line);
    if (size < FILE_BYTES) continue;
    await store.put(nameFile(batch, part++), text);
    [text, size] = ["", 0];
  }
  if (text !== "") await store.put(nameFile(batch, part), text);
  return { ids, bytes };
}

async function* readLines(
  ids: readonly string[],
  rpc: ArchivedHistory,
): AsyncGenerator<{ id: string; line: string }> {
  const read = (id: string, afterJob: number) =>
    rpc.readArchive({ workflowRunId: id, afterJob, maxBytes: LINE_BYTES });
  for (let at = 0; at < ids.length; at += READS) {
    // The first pages together, the rare further ones after them, so that the order is always the same.
    const group = ids.slice(at, at + READS);
    const pages = await Promise.all(group.map((id) => read(id, 0)));
    for (const [place, id] of group.entries()) {
      for (let page = pages[place]; page !== null;) {
        const { has_more, ...run } = page;
        yield { id, line: `${JSON.stringify(run)}\n` };
        page = has_more ? await read(id, run.jobs.at(-1)!.job_id) : null;
      }
    }
  }
}
