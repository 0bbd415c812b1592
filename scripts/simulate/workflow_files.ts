// The texts of a simulation: the workflow, its templates and its sub-workflows, from files or from a
// test, compiled as publish would.
import { dirname, join } from "node:path";
import type { CompiledWorkflow } from "../../supabase/functions/_shared/contract/compiled_workflow.ts";
import type { Problem } from "../../supabase/functions/_shared/contract/errors.ts";
import type { Settings } from "../../supabase/functions/_shared/contract/settings.ts";
import { compileWorkflow } from "../../supabase/functions/_shared/workflow/compile.ts";
import { formatProblems } from "../../supabase/functions/_shared/workflow/format_problems.ts";
import { nameTemplateFile } from "../../supabase/functions/_shared/workflow/template_book.ts";
import { readTemplates } from "../workflows/read_templates.ts";

/** Workflows, scripts or options that cannot be simulated; the message shows every problem. */
export class SimulationRefused extends Error {
  override readonly name = "SimulationRefused";

  constructor(message: string, readonly problems: Problem[] = []) {
    super(message);
  }
}

/** A text with the name that problems carry. */
export interface NamedSource {
  source: string;
  name: string;
  /** Where its templates and sub-workflows are looked for; null: nowhere. */
  folder: string | null;
}

export interface WorkflowTexts {
  main: NamedSource;
  /** Given ones by name; they win over files. */
  templates: Record<string, string>;
  /** Given sub-workflows by key; they win over files. */
  workflows: Record<string, string>;
}

export interface CompiledSource {
  workflow: CompiledWorkflow;
  source: string;
}

/** Reads a workflow's file. */
export async function readWorkflowFile(path: string): Promise<NamedSource> {
  return { source: await readText(path), name: path, folder: dirname(path) };
}

/** Compiles the workflow first, then every one that it starts, by whatever way. */
export async function compileAll(
  texts: WorkflowTexts,
  settings: Settings,
): Promise<CompiledSource[]> {
  const done = new Map<string, CompiledSource>();
  const open: NamedSource[] = [texts.main];
  for (let next = open.shift(); next !== undefined; next = open.shift()) {
    const workflow = await compile(next, texts.templates, settings);
    done.set(workflow.key, { workflow, source: next.source });
    for (const { config } of workflow.steps) {
      if (config.workflow === undefined || done.has(config.workflow)) continue;
      const found = await findWorkflow(config.workflow, texts);
      if (found !== null && !open.some(({ name }) => name === found.name)) open.push(found);
    }
  }
  return [...done.values()];
}

async function compile(
  { source, name, folder }: NamedSource,
  given: Record<string, string>,
  settings: Settings,
): Promise<CompiledWorkflow> {
  const local = folder === null ? null : await readTemplates(source, settings, folder);
  const templates = new Map([...local?.templates ?? [], ...Object.entries(given)]);
  const nameFile = local?.nameFile ?? nameTemplateFile;
  const result = compileWorkflow(source, {
    file: name,
    settings,
    templates,
    templateNames: [...new Set([...local?.names ?? [], ...templates.keys()])],
    nameTemplateFile: nameFile,
  });
  if (result.ok) return result.workflow;
  const sources = new Map([[name, source]]);
  for (const [key, text] of templates) sources.set(nameFile(key), text);
  const lines = result.problems.map((it) => formatProblems([it], sources.get(it.file ?? name)));
  throw new SimulationRefused(lines.join("\n"), result.problems);
}

/** Sub-workflows stand beside the workflow, or beside its folder, as templates do. */
async function findWorkflow(key: string, texts: WorkflowTexts): Promise<NamedSource | null> {
  const { main: { folder }, workflows } = texts;
  if (Object.hasOwn(workflows, key)) return { source: workflows[key], name: `${key}.yml`, folder };
  if (folder === null) return null;
  for (const place of [folder, join(folder, "..")]) {
    for (const ending of ["yml", "yaml"]) {
      const name = join(place, `${key}.${ending}`);
      const source = await Deno.readTextFile(name).catch(() => null);
      if (source !== null) return { source, name, folder: place };
    }
  }
  return null;
}

/** Reads a file that the user named. */
export async function readText(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new SimulationRefused(`cannot read ${path}: there is no such file`);
    }
    throw error;
  }
}
