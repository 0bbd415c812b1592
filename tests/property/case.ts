// What one case of the property test is made of: a workflow file, the inputs of its run, and a script
// that says what happens to every lease. The model and the database play the same case.

import { readSettings } from "../../supabase/functions/_shared/contract/settings.ts";

/** Attempts of a step that does not say how many, such as those that the compiler adds. */
export const DEFAULT_ATTEMPTS = readSettings(() => undefined, {}).maxAttempts;

export type Join = "all_success" | "none_failed" | "any_success" | "all_done" | {
  at_least: number;
};
export type ItemsRule = "all" | "any" | { at_least: number } | { percent: number };

/** A step as it stands in a workflow file; conditions and lists are `inputs.<name>`. */
export interface StepSource {
  id: string;
  call: string;
  depends_on?: string[];
  join?: Join;
  if?: string;
  else_of?: string;
  for_each?: string;
  max_concurrency?: number;
  success?: ItemsRule;
  retry: { max_attempts: number };
  continue_on_error?: true;
  compensate?: { call: string; retry: { max_attempts: number } };
}

export interface WorkflowSource {
  key: string;
  trigger: { type: "manual"; if?: string };
  inputs?: Record<string, unknown>;
  steps: StepSource[];
  on_failure?: StepSource[];
}

/** Values of `inputs`: conditions c0, c1, … and lists l0, l1, … */
export type Inputs = Record<string, boolean | number[]>;

/** What becomes of a lease that calls an agent; `lost`: its worker dies, whatever the job is. */
export type Verdict = "success" | "retry" | "dead" | "lost";

export interface Script {
  /** By job, a verdict for each of its leases; those that are not named succeed. */
  verdicts: Record<string, Verdict[]>;
  /** Turn by turn, over and over: which of the held leases is next, counted round. */
  picks: number[];
  /** How many of them are settled in one call. */
  batches: number[];
  /** Jobs that are settled in a call of their own, because the order of their ends decides. */
  alone: string[];
  /** Whether ready jobs are leased before this turn, though others are still held. */
  isEager: boolean[];
  /** The turn before which the run is cancelled; `undo`: once its undoing has begun. */
  cancelAt: number | "undo" | null;
}

export interface Case {
  workflow: WorkflowSource;
  inputs: Inputs;
  script: Script;
}

/** The job of item `index` of a fan-out. */
export function nameItem(stepId: string, index: number): string {
  return `${stepId}#${index}`;
}

/** The job that undoes a step. */
export function nameUndo(stepId: string): string {
  return `undo ${stepId}`;
}

export function isUndo(job: string): boolean {
  return job.startsWith("undo ");
}
