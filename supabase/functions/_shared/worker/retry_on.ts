// A step's own choice of what is tried again, instead of the agent contract's. Serves stage 5. Pure.
import type { ErrorClass } from "../contract/statuses.ts";
import { RETRY_CLASSES } from "../contract/workflow_file.ts";
import type { JobResult } from "../database/rows.ts";

const SELECTABLE: ReadonlySet<string> = new Set(RETRY_CLASSES);

/**
 * With `retryOn` exactly its classes are tried again. Classes that no file can name keep their
 * outcome: a lost lease and a call in progress are no answers, and refused calls stay refused.
 */
export function applyRetryOn<Result extends Pick<JobResult, "outcome" | "error_class">>(
  result: Result,
  retryOn: readonly ErrorClass[] | undefined,
): Result {
  const { error_class } = result;
  if (retryOn === undefined || error_class === undefined) return result;
  if (!SELECTABLE.has(error_class)) return result;
  return { ...result, outcome: retryOn.includes(error_class) ? "retry" : "dead" };
}
