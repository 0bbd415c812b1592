// Ids of traces and spans, made of ids and times that are in the rows: whichever isolate calls an agent or
// exports a run, it makes the same ones. Pure.
import { createHash } from "node:crypto";

/** Which span of a run: `since_us` tells the rounds of a run that was restarted in place apart. */
export interface RunRef {
  workflow_run_id: string;
  since_us?: number | null;
}

export interface JobRef extends RunRef {
  step_no: number;
  /** -1: the step's own job. */
  item_index: number;
}

export interface AttemptRef {
  workflow_run_id: string;
  job_id: number;
  attempt: number;
  /** When the job was leased; a job that was reset counts its attempts from one again. */
  started_us: number;
}

/** The caller's, or the run's own id: 32 hex digits. */
export function deriveTraceId(workflowRunId: string, traceParent: string | null): string {
  return traceParent?.split("-")[1] ?? workflowRunId.replaceAll("-", "");
}

/** The caller's span, if there is one. */
export function readParentSpanId(traceParent: string | null): string | undefined {
  return traceParent?.split("-")[2];
}

export function deriveRunSpanId({ workflow_run_id, since_us }: RunRef): string {
  return hash("run", workflow_run_id, since_us ?? 0);
}

export function deriveJobSpanId(job: JobRef): string {
  return hash("job", job.workflow_run_id, job.since_us ?? 0, job.step_no, job.item_index);
}

export function deriveAttemptSpanId(it: AttemptRef): string {
  return hash("attempt", it.workflow_run_id, it.job_id, it.attempt, it.started_us);
}

// Not crypto.subtle: its digests are made on another thread, which costs a worker more than the hash.
function hash(...parts: (string | number)[]): string {
  return createHash("sha256").update(parts.join(":")).digest("hex").slice(0, 16);
}
