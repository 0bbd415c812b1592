// How planning ends before its time: with the attempt that the job is settled with. Thrown, so that
// an expression deep inside a step's values needs no return path of its own. Pure.
import type { ErrorClass } from "../contract/statuses.ts";
import { OrchestratorError } from "../contract/errors.ts";
import { cleanErrorText } from "./classify.ts";
import type { Attempt } from "./drain_seam.ts";

/** Not an error of the code: the plan is the attempt. */
export class PlanEnd extends Error {
  override readonly name = "PlanEnd";
  readonly attempt: Attempt;

  constructor(attempt: Attempt) {
    super(attempt.error_text);
    this.attempt = attempt;
  }
}

/** The job is dead: nothing that passes, so it is never tried again. */
export function die(errorClass: ErrorClass, text: string): Attempt {
  return { outcome: "dead", error_class: errorClass, error_text: cleanErrorText(text) };
}

/** Something was away that is not the job's own doing: it is tried again, whatever its `retry.on`. */
export function tryAgain(action: string, cause: unknown): Attempt {
  const text = cause instanceof Error ? cause.message : String(cause);
  const isAway = cause instanceof OrchestratorError && cause.retryAfterMs !== undefined;
  return {
    outcome: "retry",
    error_class: "network",
    error_text: cleanErrorText(`${action}: ${text}`),
    ...(isAway ? { retry_after_ms: cause.retryAfterMs } : {}),
  };
}
