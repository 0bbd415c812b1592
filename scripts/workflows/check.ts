// `deno task workflows:check`: compiles workflow files and templates as publish would, and shows their
// problems as a compiler does. Reads files only: no database, no network.
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { CompiledWorkflow } from "../../supabase/functions/_shared/contract/compiled_workflow.ts";
import type { Problem } from "../../supabase/functions/_shared/contract/errors.ts";
import { readSettings, type Settings } from "../../supabase/functions/_shared/contract/settings.ts";
import { readKeyOfFileName } from "../../supabase/functions/_shared/registry/bucket.ts";
import {
  checkTemplateFile,
  compileWorkflow,
} from "../../supabase/functions/_shared/workflow/compile.ts";
import {
  formatProblems,
  type Style,
} from "../../supabase/functions/_shared/workflow/format_problems.ts";
import { drawMermaid } from "../../supabase/functions/_shared/workflow/mermaid.ts";
import { findNearNames } from "../../supabase/functions/_shared/workflow/near.ts";
import { paint } from "../terminal/progress.ts";
import { readTemplates } from "./read_templates.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Where files are looked for, and templates among them. */
const FOLDERS = ["workflows", "workflows/templates", "workflows/examples"];

const HELP = `Checks workflow files and templates, as publishing them would.

  deno task workflows:check [FILES] [options]

Without FILES: all of ${FOLDERS.join(", ")}.
A workflow finds its templates in the folder templates beside it or beside its folder.

  --mermaid   print the graph of each workflow as a Mermaid flow chart
  --help      this text

The exit code is 1 if there are problems, 2 for a wrong call.
Settings such as ORCHESTRATOR_ALLOWED_AGENT_HOSTS are read from the environment.`;

interface CheckedFile {
  file: string;
  source: string;
  problems: Problem[];
  /** Null for templates, and for what has problems. */
  workflow: CompiledWorkflow | null;
  isTemplate: boolean;
}

/** Runs the command line and returns its exit code. */
export async function runCommand(args: string[], root = ROOT): Promise<number> {
  const options = readArguments(args);
  if (typeof options === "string") {
    console.error(options);
    return 2;
  }
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  const files = options.files.length > 0 ? options.files : await listFiles(root);
  const settings = readSettings((name) => Deno.env.get(name), {});
  const templates = new Map<string, string>();
  const checked: CheckedFile[] = [];
  for (const file of files) {
    const result = await checkFile(file, settings, templates);
    if (typeof result === "string") {
      console.error(result);
      return 2;
    }
    checked.push(result);
  }
  const told = options.mermaid ? console.error : console.log;
  report(checked, templates, told);
  if (options.mermaid) {
    // Each begins with its title: Mermaid wants that in the first line.
    for (const { workflow } of checked) {
      if (workflow !== null) console.log(drawMermaid(workflow));
    }
  }
  return checked.some(({ problems }) => problems.length > 0) ? 1 : 0;
}

function readArguments(args: string[]) {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        mermaid: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
    return { files: positionals, mermaid: values.mermaid ?? false, help: values.help ?? false };
  } catch (error) {
    return `${error instanceof Error ? error.message : error}\n\n${HELP}`;
  }
}

/** The files of the folders, by the paths that messages name them with. */
async function listFiles(root: string): Promise<string[]> {
  const files: string[] = [];
  for (const folder of FOLDERS) {
    const found: string[] = [];
    try {
      for await (const { name, isFile } of Deno.readDir(join(root, folder))) {
        if (isFile && readKeyOfFileName(name) !== null) found.push(name);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    const names = found.sort().map((name) => join(root, folder, name));
    files.push(...names.map((path) => relative(Deno.cwd(), path)));
  }
  return files;
}

/** Checks one file; a text tells why it cannot be read. */
async function checkFile(
  file: string,
  settings: Settings,
  allTemplates: Map<string, string>,
): Promise<CheckedFile | string> {
  let source: string;
  try {
    source = await Deno.readTextFile(file);
  } catch (error) {
    return `cannot read ${file}: ${error instanceof Error ? error.message : error}`;
  }
  const name = readKeyOfFileName(basename(file)) ?? undefined;
  if (isTemplate(file, source)) {
    const problems = checkTemplateFile(source, { file, settings, name });
    return { file, source, problems, workflow: null, isTemplate: true };
  }
  const { templates, names, nameFile } = await readTemplates(source, settings, dirname(file));
  for (const [template, text] of templates) allTemplates.set(nameFile(template), text);
  const compiled = compileWorkflow(source, {
    file,
    settings,
    templates,
    templateNames: names,
    nameTemplateFile: nameFile,
  });
  if (!compiled.ok) {
    return { file, source, problems: compiled.problems, workflow: null, isTemplate: false };
  }
  const { workflow } = compiled;
  const problems = workflow.key === name ? [] : [{
    path: "key",
    file,
    message: `the file must be named after its key: ${workflow.key}.yml`,
  }];
  return { file, source, problems, workflow, isTemplate: false };
}

/** By its folder, and elsewhere by the key that only templates have. */
function isTemplate(file: string, source: string): boolean {
  return basename(dirname(file)) === "templates" || /^template\s*:/m.test(source);
}

const STYLE: Style = {
  place: (text) => paint("bold", text),
  margin: (text) => paint("dim", text),
  caret: (text) => paint("red", text),
  near: (text) => paint("cyan", text),
};

function report(
  checked: readonly CheckedFile[],
  templates: ReadonlyMap<string, string>,
  tell: (line: string) => void,
): void {
  const sources = new Map([...templates, ...checked.map((it) => [it.file, it.source] as const)]);
  // A template with problems is told once, not again for each workflow that uses it.
  const told = new Set<string>();
  let count = 0;
  for (const { file, problems, workflow, isTemplate } of checked) {
    const fresh = problems.filter((problem) => !told.has(JSON.stringify(problem)));
    for (const problem of fresh) told.add(JSON.stringify(problem));
    count += fresh.length;
    if (fresh.length > 0) tell(formatProblems(fresh, sources, STYLE));
    else if (problems.length === 0) {
      const what = isTemplate ? "template" : countUp(workflow?.steps.length ?? 0, "step");
      tell(`${paint("green", "ok")}  ${file} ${paint("dim", `(${what})`)}`);
    }
  }
  for (const warning of findUnknownWorkflows(checked)) tell(warning);
  const broken = checked.filter(({ problems }) => problems.length > 0).length;
  const files = countUp(checked.length, "file");
  tell(
    count === 0
      ? `${files} checked, ${paint("green", "no problems")}`
      : paint("red", `${countUp(count, "problem")} in ${broken} of ${files}`),
  );
}

/** A sub-workflow may be published elsewhere, so that this is no problem of the file. */
function findUnknownWorkflows(checked: readonly CheckedFile[]): string[] {
  const keys = checked.flatMap(({ workflow }) => workflow?.key ?? []);
  if (checked.length < 2 || checked.some(({ problems }) => problems.length > 0)) return [];
  return checked.flatMap(({ file, workflow }) =>
    (workflow?.steps ?? []).flatMap(({ step_id, config }) => {
      if (config.workflow === undefined || keys.includes(config.workflow)) return [];
      const near = findNearNames(config.workflow, keys);
      const hint = near.length === 0 ? "" : `; did you mean ${near.join(" or ")}?`;
      const label = paint("yellow", "note");
      return [
        `${label}  ${file}: step ${step_id} runs ${config.workflow}, which is none of these files${hint}`,
      ];
    })
  );
}

function countUp(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

if (import.meta.main) Deno.exit(await runCommand(Deno.args));
