// What kind of work a leased job is: a call, or something that the worker decides by itself. Pure.
import { FAILURE_STEP_ID, START_STEP_ID, type StepKind } from "../contract/compiled_workflow.ts";
import type { LeasedJob } from "../database/rows.ts";

type Job = Pick<LeasedJob, "config" | "item_index" | "parked">;

export function readKind({ kind = "call" }: LeasedJob["config"]): StepKind {
  return kind;
}

/** The step's own job of a fan-out; its items are jobs of their own. */
export function isFanOut({ config, item_index }: Job): boolean {
  return config.for_each !== undefined && !isItem(item_index);
}

export function isItem(itemIndex: number): boolean {
  return itemIndex >= 0;
}

/**
 * May this lease lead to a call of an agent? The others are decided by the worker alone: they take no
 * call of its budget and need no time of its invocation.
 */
export function mayCall(job: Job): boolean {
  return readKind(job.config) === "call" && !job.parked && !isFanOut(job);
}

/** A step's name as its file has it; steps that the compiler adds are named by what they do. */
export function describeStep(stepId: string): string {
  if (stepId === START_STEP_ID) return "starting the run";
  if (stepId === FAILURE_STEP_ID) return "handling the failure";
  return `step ${stepId}`;
}
