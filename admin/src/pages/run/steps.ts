// The steps of a run as its page shows them: without those that the compiler adds and nobody wrote, in
// topological order, each with the steps before it that can be seen.
import type { Run, RunJob } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import {
  FAILURE_STEP_ID,
  START_STEP_ID,
} from "../../../../supabase/functions/_shared/contract/compiled_workflow.ts";
import type { JobStatus } from "../../../../supabase/functions/_shared/contract/statuses.ts";

/** Above this many, a list tells more than a graph, and comes first. */
export const MANY_STEPS = 300;

export interface ShownStep {
  job: RunJob;
  /** Ids of the shown steps that it waits for. */
  needs: string[];
  /** When nothing stood before it any more; null while something does. */
  readyAt: string | null;
}

/** When there is something to say about them, hidden steps are shown all the same. */
const SHOWN_START: JobStatus[] = ["parked", "failed", "dead", "skipped"];
const SHOWN_FAILURE: JobStatus[] = ["failed", "dead"];

const ENDED: JobStatus[] = ["success", "dead", "skipped", "cancelled"];

export function hasEnded({ status }: { status: JobStatus }): boolean {
  return ENDED.includes(status);
}

export function isUnderWay({ status }: { status: JobStatus }): boolean {
  return status === "leased" || status === "running";
}

/** Jobs come in the order of their step numbers, which is topological. */
export function listSteps(run: Pick<Run, "jobs" | "created_at">): ShownStep[] {
  const byId = new Map(run.jobs.map((job) => [job.step_id, job]));
  const shown = run.jobs.filter(isShown);
  const ids = new Set(shown.map(({ step_id }) => step_id));
  return shown.map((job) => ({
    job,
    needs: job.needs.filter((id) => ids.has(id)),
    readyAt: findReadyAt(job, byId, run.created_at),
  }));
}

function isShown({ step_id, status }: RunJob): boolean {
  if (step_id === START_STEP_ID) return SHOWN_START.includes(status);
  if (step_id === FAILURE_STEP_ID) return SHOWN_FAILURE.includes(status);
  return true;
}

function findReadyAt(
  job: RunJob,
  byId: Map<string, RunJob>,
  createdAt: string,
): string | null {
  // Of this round: a step that is done again has attempts of earlier ones.
  const first = job.started_at;
  // Handlers and appended steps come to a run that is under way.
  let latest = isLater(job.created_at, createdAt) ? job.created_at : createdAt;
  for (const id of job.needs) {
    const need = byId.get(id);
    if (need === undefined) continue;
    // A step may begin early.
    if (need.finished_at === null) return first;
    if (isLater(need.finished_at, latest)) latest = need.finished_at;
  }
  return first !== null && isLater(latest, first) ? first : latest;
}

function isLater(one: string, other: string): boolean {
  return Date.parse(one) > Date.parse(other);
}

/** `2/5`, or nothing while the first is still to come. */
export function describeAttempts(
  { attempts, max_attempts }: Pick<RunJob, "attempts" | "max_attempts">,
): string {
  return attempts === 0 ? "" : `${attempts}/${max_attempts}`;
}

export interface ItemCounts {
  total: number;
  succeeded: number;
  failed: number;
  open: number;
  /** Whole percents that ended well, and that did not. */
  percentDone: number;
  percentFailed: number;
}

export function countItems({ items }: RunJob): ItemCounts | null {
  if (items === undefined || items === null) return null;
  const { total, succeeded, failed, open } = items;
  const percentOf = (count: number) => total === 0 ? 0 : Math.floor(100 * count / total);
  return {
    total,
    succeeded,
    failed,
    open,
    percentDone: percentOf(succeeded),
    percentFailed: percentOf(failed),
  };
}

/** `37/40 ✓ 2 ✗` */
export function describeItems({ total, succeeded, failed }: ItemCounts) {
  return `${succeeded}/${total} ✓${failed > 0 ? ` ${failed} ✗` : ""}`;
}

/** Postgres has times that JavaScript has not: `infinity`. */
export function readTime(text: unknown): string | null {
  return typeof text === "string" && !Number.isNaN(Date.parse(text)) ? text : null;
}
