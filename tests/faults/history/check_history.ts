// The history checker: every rule over the agents' log and the rows. Linear in calls and rows. Pure.
import { findUncountedCalls, findUnexplainedAttempts } from "./attempt_rules.ts";
import { findWrongCounters } from "./counter_rules.ts";
import {
  findBrokenInvariants,
  findMissingRuns,
  findStuckJobs,
  findUnendedRuns,
} from "./end_rules.ts";
import { type History, type HistoryIndex, indexHistory, type Violation } from "./history.ts";
import { findForeignKeys, findInventedResults, findLostResults } from "./result_rules.ts";

const RULES: ((history: HistoryIndex) => Iterable<Violation>)[] = [
  findMissingRuns,
  findUnendedRuns,
  findStuckJobs,
  findLostResults,
  findInventedResults,
  findForeignKeys,
  findUncountedCalls,
  findUnexplainedAttempts,
  findWrongCounters,
  findBrokenInvariants,
];

/** What breaks a rule; empty: the history is one that the engine promises. */
export function checkHistory(history: History): Violation[] {
  const index = indexHistory(history);
  return RULES.flatMap((find) => [...find(index)]);
}
