// Steps that are appended to a live run, by an agent's answer or over HTTP: the language and the checks
// of a file's steps, on plain data. They never touch what the run has already. Pure.
import type { AppendedStep } from "../contract/compiled_workflow.ts";
import type { Problem } from "../contract/errors.ts";
import { appendedSteps } from "../contract/workflow_file.ts";
import { draftSteps } from "./build.ts";
import { readFunctionName } from "./call_target.ts";
import { checkShape } from "./check_shape.ts";
import { checkPlainSteps } from "./check_steps.ts";
import type { CompileSettings } from "./compile.ts";
import { describeDraft, type Draft } from "./draft.ts";
import type { StepDefaults } from "./draft_config.ts";
import { asText, Findings } from "./findings.ts";
import type { LooseStep } from "./loose_steps.ts";
import { orderDrafts } from "./number_steps.ts";
import { ProblemList, quoteValue } from "./problems.ts";
import { readData } from "./read_data.ts";

/** Characters of a plan as JSON. */
const MAX_PLAN_CHARS = 262_144;

/** A plan that an agent wrote is no way to the engine's own functions. */
const OWN_FUNCTIONS = ["orchestrator", "cron-orchestrator"];

const APPENDED_KEYS = {
  use: "must not be here: appended steps use no template",
  compensate: "must not be here: what is appended is not undone",
};

export interface AppendOptions {
  /** Ids of the steps that the run has. */
  existing: readonly string[];
  settings: CompileSettings;
  policy: { callPrefixes: readonly string[] };
  /** Retries and timeout of steps that name none. */
  defaults?: StepDefaults;
}

export type CompiledSteps =
  | { ok: true; steps: AppendedStep[] }
  | { ok: false; problems: Problem[] };

/** Compiles the whole plan, or tells every problem of it. Never throws. */
export function compileAppendedSteps(steps: unknown, options: AppendOptions): CompiledSteps {
  const { existing, settings, policy, defaults = {} } = options;
  const problems = new ProblemList(null, undefined);
  const findings = new Findings(readData({ steps }, problems), problems);
  const size = JSON.stringify(findings.parsed.value).length;
  if (size > MAX_PLAN_CHARS) {
    findings.noteAt(
      ["steps"],
      `have ${size} characters as JSON: at most ${MAX_PLAN_CHARS} are allowed`,
    );
    return { ok: false, problems: problems.list() };
  }
  const plan = checkShape(findings, appendedSteps);
  const stepPolicy = {
    allowedAgentHosts: settings.allowedAgentHosts,
    callPrefixes: policy.callPrefixes,
    refusedKeys: APPENDED_KEYS,
  };
  // The steps that the compiler added depend on more than their names tell.
  const visible = existing.filter((id) => !id.includes("$"));
  const { graph, uses } = checkPlainSteps(stepPolicy, visible, findings);
  for (const step of graph.steps) checkOwnCall(step, findings);
  if (plan === null || !findings.isEmpty) return { ok: false, problems: problems.list() };
  const drafts = draftSteps({ steps: plan.steps, uses }, {
    phase: "main",
    templates: new Map(),
    defaults,
    settings,
  });
  return { ok: true, steps: linkAppended(drafts) };
}

function checkOwnCall(step: LooseStep, findings: Findings): void {
  const name = readFunctionName(asText(step.keys.call) ?? "");
  if (name === null || !OWN_FUNCTIONS.includes(name)) return;
  const message = `must not be ${quoteValue(name)}: appended steps cannot call the engine`;
  findings.noteAt([...step.path, "call"], message);
}

function linkAppended(drafts: Draft[]): AppendedStep[] {
  const waited = new Map<string, Draft[]>();
  for (const draft of drafts) {
    for (const id of draft.dependsOn) waited.set(id, [...waited.get(id) ?? [], draft]);
  }
  return orderDrafts(drafts).map((draft) => {
    const dependents = waited.get(draft.id) ?? [];
    const isEarly = dependents.map(({ join }) => join?.rule === "early");
    return {
      ...describeDraft(draft),
      depends_on: draft.dependsOn,
      reads: draft.reads,
      is_sink: dependents.length === 0 || isEarly.some((it) => it),
      is_result: isEarly.every((it) => it),
    };
  });
}
