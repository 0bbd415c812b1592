// The compiler's one entry: workflow text → compiled definition, or every problem in one pass. Pure,
// so that publish, the setup script and editors' checks give the same answer.
import type { CompiledWorkflow } from "../contract/compiled_workflow.ts";
import type { Problem } from "../contract/errors.ts";
import type { Settings } from "../contract/settings.ts";
import { NAME_PATTERN, type WorkflowFile, workflowFile } from "../contract/workflow_file.ts";
import { buildWorkflow } from "./build.ts";
import { checkRetry } from "./check_actions.ts";
import { checkPublic } from "./check_public.ts";
import { checkStartExpressions } from "./check_expressions.ts";
import { ExpressionReader } from "./expression_reader.ts";
import { checkShape } from "./check_shape.ts";
import { checkWorkflowSteps, type StepsUses } from "./check_steps.ts";
import { checkTrigger } from "./check_trigger.ts";
import { asText, Findings, readMember } from "./findings.ts";
import { checkInputSchema } from "./input_schema.ts";
import { readSteps } from "./loose_steps.ts";
import { parseText } from "./parse.ts";
import { ProblemList, quoteValue } from "./problems.ts";
import { checkTemplate, MAX_TEMPLATES, TemplateBook } from "./template_book.ts";

export interface CompileOptions {
  /** The name that problems carry, such as `workflows/weekly_seed_v1.yml`. */
  file?: string;
  /** Defaults of the steps and the limits of the file. */
  settings: CompileSettings;
  /** Sources of templates by name; `listTemplateNames` tells which are needed. */
  templates?: ReadonlyMap<string, string>;
  /** Names of templates that exist, for what may have been meant. */
  templateNames?: readonly string[];
  /** The file of a template in problems; `templates/<name>.yml` by default. */
  nameTemplateFile?: (name: string) => string;
}

export type CompileSettings = Pick<
  Settings,
  | "workflowMaxBytes"
  | "stepTimeoutMs"
  | "maxAttempts"
  | "retryInitialMs"
  | "retryMaxMs"
  | "allowedAgentHosts"
  | "callbackTimeoutMs"
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
  const findings = new Findings(parsed, problems);
  const templates = openTemplates(options);
  const workflow = checkShape(findings, workflowFile);
  checkHead(findings);
  const uses = checkWorkflowSteps(settings, templates, findings);
  checkRecursion(findings);
  const found = [...problems.list(), ...templates.problems];
  if (workflow === null || found.length > 0) return { ok: false, problems: found };
  return { ok: true, workflow: build(workflow, uses, templates, settings) };
}

/** The templates that a text uses, as far as names can be read from it and are names of templates. */
export function listTemplateNames(source: string, settings: CompileSettings): string[] {
  if (!source.includes("use")) return [];
  const parsed = parseText(source, settings.workflowMaxBytes, new ProblemList(source, undefined));
  if (parsed === null) return [];
  const { value } = parsed;
  const steps = [...readSteps(value, "steps"), ...readSteps(value, "on_failure")];
  const names = new Set(steps.flatMap(({ keys }) => asText(keys.use) ?? []));
  return [...names].filter((name) => NAME_PATTERN.test(name)).slice(0, MAX_TEMPLATES);
}

/** Every problem of a template's file by itself. */
export function checkTemplateFile(
  source: string,
  { file, settings, name }: Pick<CompileOptions, "file" | "settings"> & { name?: string },
): Problem[] {
  return checkTemplate(source, { name: name ?? null, file, policy: settings }).problems;
}

function openTemplates(options: CompileOptions): TemplateBook {
  const { templates: sources = new Map(), templateNames, nameTemplateFile, settings } = options;
  return new TemplateBook({
    sources,
    names: templateNames,
    nameFile: nameTemplateFile,
    policy: settings,
  });
}

/** Everything but the steps. */
function checkHead(findings: Findings): void {
  const { value } = findings.parsed;
  checkInputSchema(["inputs"], readMember(value, "inputs"), findings);
  checkTrigger(findings);
  checkPublic(findings);
  checkStartExpressions(new ExpressionReader(findings));
  checkRetry(["defaults", "retry"], readMember(readMember(value, "defaults"), "retry"), findings);
}

/** A workflow that starts itself whatever happens never ends. */
function checkRecursion(findings: Findings): void {
  const { value } = findings.parsed;
  const key = asText(readMember(value, "key"));
  const steps = [...readSteps(value, "steps"), ...readSteps(value, "on_failure")];
  for (const { keys, path, condition, elseOf } of steps) {
    const isBound = condition !== null || elseOf !== null || keys.for_each !== undefined;
    if (key === null || keys.workflow !== key || isBound) continue;
    const message =
      `the workflow ${quoteValue(key)} would start itself without end: give the step ` +
      "an `if`";
    findings.note([...path, "workflow"], message);
  }
}

function build(
  file: WorkflowFile,
  uses: StepsUses,
  templates: TemplateBook,
  settings: CompileSettings,
): CompiledWorkflow {
  const main = { steps: file.steps, uses: uses.main };
  const onFailure = { steps: file.on_failure ?? [], uses: uses.onFailure };
  return buildWorkflow({ file, main, onFailure, templates: templates.templates }, settings);
}
