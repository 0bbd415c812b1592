// The compiler's one entry: workflow text → compiled definition, or every problem in one pass. Pure,
// so that publish, the setup script and editors' checks give the same answer.
import type { Problem } from "../contract/errors.ts";
import type { Settings } from "../contract/settings.ts";
import type { CompiledStep, CompiledWorkflow, WorkflowFile } from "../contract/workflow_file.ts";
import { nameAgent } from "./call_target.ts";
import { checkShape } from "./check_shape.ts";
import { checkSteps } from "./check_steps.ts";
import { checkTrigger } from "./check_trigger.ts";
import { invertEdges, orderNodes } from "./graph.ts";
import { parseText } from "./parse.ts";
import { ProblemList } from "./problems.ts";

export interface CompileOptions {
  /** The name that problems carry, such as `workflows/weekly_seed_v1.yml`. */
  file?: string;
  /** Defaults of the steps and the limits of the file. */
  settings: CompileSettings;
}

export type CompileSettings = Pick<
  Settings,
  | "workflowMaxBytes"
  | "stepTimeoutMs"
  | "maxAttempts"
  | "retryInitialMs"
  | "retryMaxMs"
  | "allowedAgentHosts"
>;

export type CompileResult =
  | { ok: true; workflow: CompiledWorkflow }
  | { ok: false; problems: Problem[] };

/** Compiles one file's text. Never throws: whatever the text, it answers with problems. */
export function compileWorkflow(source: string, options: CompileOptions): CompileResult {
  const { file, settings } = options;
  const problems = new ProblemList(source, file);
  const parsed = parseText(source, settings.workflowMaxBytes, problems);
  if (parsed === null) return { ok: false, problems: problems.list() };
  const workflow = checkShape(parsed, problems);
  checkTrigger(parsed, problems);
  checkSteps(parsed, settings, problems);
  if (workflow === null || !problems.isEmpty) return { ok: false, problems: problems.list() };
  return { ok: true, workflow: buildWorkflow(workflow, settings) };
}

function buildWorkflow(file: WorkflowFile, settings: CompileSettings): CompiledWorkflow {
  const { trigger } = file;
  return {
    key: file.key,
    description: file.description ?? null,
    trigger: {
      type: trigger.type,
      event_types: trigger.event_types ?? [],
      cron: trigger.cron ?? null,
      timezone: trigger.timezone ?? "UTC",
      catch_up: trigger.catch_up ?? "none",
    },
    steps: buildSteps(file, settings),
  };
}

function buildSteps(file: WorkflowFile, settings: CompileSettings): CompiledStep[] {
  const indexOfId = new Map(file.steps.map((step, index) => [step.id, index]));
  // The check has refused ids that are not there.
  const order = orderNodes(
    file.steps.map((step) => (step.depends_on ?? []).map((id) => indexOfId.get(id)!)),
  );
  const steps = order.map((index) => file.steps[index]);
  const positionOfId = new Map(steps.map((step, position) => [step.id, position]));
  const dependencies = steps.map((step) =>
    (step.depends_on ?? []).map((id) => positionOfId.get(id)!).toSorted((a, b) => a - b)
  );
  const dependents = invertEdges(dependencies);
  const toStepNo = (position: number) => position + 1;
  return steps.map((step, position) => ({
    step_no: toStepNo(position),
    step_id: step.id,
    agent: nameAgent(step.call),
    call: step.call,
    method: step.method ?? "POST",
    timeout_ms: step.timeout_ms ?? settings.stepTimeoutMs,
    max_attempts: settings.maxAttempts,
    retry_initial_ms: settings.retryInitialMs,
    retry_max_ms: settings.retryMaxMs,
    depends_on: dependencies[position].map(toStepNo),
    dependents: dependents[position].map(toStepNo),
    is_sink: dependents[position].length === 0,
  }));
}
