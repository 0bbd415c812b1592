// The rules of a run that need no run: what a join makes of its dependencies, and how many items a
// fan-out needs. Pure, so that they can be checked one by one.
import type { ItemsRule, Join } from "./case.ts";

export type Status =
  | "waiting"
  | "ready"
  | "leased"
  | "parked"
  | "success"
  | "dead"
  | "skipped"
  | "cancelled";

export type SkipReason = "condition" | "dependency" | "upstream_failed";

/** How a step ended, as those that depend on it see it. */
export interface End {
  status: Status;
  skipReason: SkipReason | null;
  /** Its step may fail: a death counts as good for what waits for it, and the run does not fail. */
  isTolerated: boolean;
}

/** How a job waits: a join of the language, or only for a failure. */
export type Waits = Join | null | "failed";

export function hasEnded({ status }: Pick<End, "status">): boolean {
  return ["success", "dead", "skipped", "cancelled"].includes(status);
}

export function isGood({ status, isTolerated }: End): boolean {
  return status === "success" || status === "dead" && isTolerated;
}

export function isFailed({ status, isTolerated, skipReason }: End): boolean {
  return status === "dead" && !isTolerated || skipReason === "upstream_failed";
}

/** What becomes of a job by its dependencies; null stands for one that has not ended. */
export function judgeJoin(waits: Waits, ends: (End | null)[]): "wait" | "run" | SkipReason {
  const ended = ends.filter((end) => end !== null);
  const succeeded = ended.filter(isGood).length;
  const hasFailure = ended.some(isFailed);
  const early = readEarly(waits);
  if (early !== null && succeeded >= early) return "run";
  if (ended.length < ends.length) return "wait";
  if (waits === "all_done") return "run";
  if (waits === "failed") return hasFailure ? "run" : "condition";
  if (hasFailure) return "upstream_failed";
  return succeeded >= readLeast(waits, ends.length) ? "run" : "dependency";
}

/** The successes after which a join waits for no more; null: it waits for all to end. */
export function readEarly(waits: Waits): number | null {
  if (waits === "any_success") return 1;
  return typeof waits === "object" && waits !== null ? waits.at_least : null;
}

function readLeast(waits: Waits, dependencies: number): number {
  if (waits === "none_failed") return 0;
  if (waits === "all_success") return dependencies;
  return readEarly(waits) ?? Math.min(1, dependencies);
}

/** Successes that a fan-out of `total` items needs; never more than there are. */
export function countNeeded(rule: ItemsRule = "all", total: number): number {
  if (rule === "any") return Math.min(1, total);
  if (rule === "all") return total;
  return "at_least" in rule
    ? Math.min(rule.at_least, total)
    : Math.ceil(total * rule.percent / 100);
}
