// The texts of a simulation: the workflow, its templates and its sub-workflows, from files or from a
// test, compiled as publish would.
import { basename, dirname, join } from "node:path";
import type { CompiledWorkflow } from "../../supabase/functions/_shared/contract/compiled_workflow.ts";
import type { Problem } from "../../supabase/functions/_shared/contract/errors.ts";
import type { Settings } from "../../supabase/functions/_shared/contract/settings.ts";
import { compileWorkflow } from "../../supabase/functions/_shared/workflow/compile.ts";
import { formatProblems } from "../../supabase/functions/_shared/workflow/format_problems.ts";

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
}

export interface WorkflowTexts {
  main: NamedSource;
  /** By the name that `use` gives. */
  templates: Map<string, string>;
  /** Finds the text of a sub-workflow by its key. */
  find(key: string): Promise<NamedSource | null>;
}

export interface CompiledSource {
  workflow: CompiledWorkflow;
  source: string;
}

/** Texts from a file: templates from the folder `templates` beside it, sub-workflows from `<key>.yml`. */
export async function readWorkflowFile(path: string): Promise<WorkflowTexts> {
  const folder = dirname(path);
  const templates = new Map<string, string>();
  for (const name of await listYaml(join(folder, "templates"))) {
    const text = await Deno.readTextFile(join(folder, "templates", name));
    templates.set(basename(name).replace(/\.ya?ml$/, ""), text);
  }
  return {
    main: { source: await readText(path), name: path },
    templates,
    find: async (key) => {
      for (const name of [`${key}.yml`, `${key}.yaml`]) {
        const found = await Deno.readTextFile(join(folder, name)).catch(() => null);
        if (found !== null) return { source: found, name: join(folder, name) };
      }
      return null;
    },
  };
}

/** Compiles the workflow first, then every workflow that it starts, by whatever way. */
export async function compileAll(
  texts: WorkflowTexts,
  settings: Settings,
): Promise<CompiledSource[]> {
  const done = new Map<string, CompiledSource>();
  const open: NamedSource[] = [texts.main];
  for (let next = open.shift(); next !== undefined; next = open.shift()) {
    const workflow = compile(next, texts.templates, settings);
    done.set(workflow.key, { workflow, source: next.source });
    for (const key of workflow.steps.map(({ config }) => config.workflow)) {
      if (key === undefined || done.has(key)) continue;
      const found = await texts.find(key);
      if (found !== null && !open.some(({ name }) => name === found.name)) open.push(found);
    }
  }
  return [...done.values()];
}

function compile(
  { source, name }: NamedSource,
  templates: Map<string, string>,
  settings: Settings,
): CompiledWorkflow {
  const result = compileWorkflow(source, {
    file: name,
    settings,
    templates,
    templateNames: [...templates.keys()],
    nameTemplateFile,
  });
  if (result.ok) return result.workflow;
  const sources = new Map([[name, source]]);
  for (const [key, text] of templates) sources.set(nameTemplateFile(key), text);
  const lines = result.problems.map((it) => formatProblems([it], sources.get(it.file ?? name)));
  throw new SimulationRefused(lines.join("\n"), result.problems);
}

function nameTemplateFile(name: string): string {
  return `templates/${name}.yml`;
}

async function listYaml(folder: string): Promise<string[]> {
  try {
    const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
    return names.filter((name) => /\.ya?ml$/.test(name)).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return [];
    }
    throw error;
  }
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
