// Steps that an agent's answer wants to be appended to its run: checked against the run's plan as a
// whole, or refused as a whole. What the run has become meanwhile the database checks once more.
// Serves stage 5.
import type { AppendedPlan } from "../contract/compiled_workflow.ts";
import type { Settings } from "../contract/settings.ts";
import type { Rpc } from "../database/rpc.ts";
import type { RunPlan } from "../database/rows.ts";
import { compileAppendedSteps } from "../workflow/append.ts";
import type { Classification } from "./classify.ts";
import type { AnsweredJob } from "./finish.ts";
import { die, tryAgain } from "./plan_end.ts";
import { listProblems } from "./problem_text.ts";

export interface AppendDeps {
  rpc: Pick<Rpc, "getPlan">;
  settings: Settings;
}

/** The plan to be applied with the answer's success, or the result that stands instead of it. */
export type PlannedSteps = { append?: AppendedPlan } | { refusal: Classification };

/** Checks the steps of an answer. Never throws. */
export async function planAppended(
  job: AnsweredJob,
  steps: unknown,
  { rpc, settings }: AppendDeps,
): Promise<PlannedSteps> {
  // "Nothing to be done" is an answer of a planner like any other.
  if (Array.isArray(steps) && steps.length === 0) return {};
  let plan: RunPlan | null;
  try {
    plan = await rpc.getPlan({ workflowRunId: job.workflow_run_id });
  } catch (error) {
    return { refusal: tryAgain("reading the run's plan", error) };
  }
  if (plan === null) return { refusal: die("validation", "appending steps: the run is gone") };
  const compiled = compileAppendedSteps(steps, {
    existing: plan.steps.map(({ step_id }) => step_id),
    settings,
    policy: { callPrefixes: settings.appendCallPrefixes },
  });
  if (!compiled.ok) {
    const text = `appending steps: ${listProblems(compiled.problems)}`;
    return { refusal: die("validation", text) };
  }
  const author = `step ${job.step_id}`;
  return { append: { author, reason: null, source: steps, steps: compiled.steps } };
}
