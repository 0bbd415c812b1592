// From a file's text to the published definition: compile, then register. A text with problems
// changes nothing. Serves the registry.
import { OrchestratorError, type Problem } from "../contract/errors.ts";
import type { CompiledWorkflow } from "../contract/compiled_workflow.ts";
import type { PublishedWorkflow } from "../database/rows.ts";
import type { Rpc } from "../database/rpc.ts";
import { type CompileSettings, compileWorkflow } from "../workflow/compile.ts";
import { readKeyOfFileName } from "./bucket.ts";
import { loadTemplates, type TemplateSource } from "./load_templates.ts";

export interface WorkflowSource {
  source: string;
  /** The name in the bucket, or null for a text that is not there yet. */
  file: string | null;
  etag?: string | null;
}

export type CheckedSource =
  | { ok: true; workflow: CompiledWorkflow }
  | { ok: false; problems: Problem[] };

export interface CheckDeps {
  settings: CompileSettings;
  /** Where the templates are. */
  bucket: TemplateSource;
}

/** Compiles a text with its templates, and checks that its file is named after its key. */
export async function checkSource(
  { source, file }: WorkflowSource,
  { settings, bucket }: CheckDeps,
): Promise<CheckedSource> {
  const compiled = compileWorkflow(source, {
    file: file ?? undefined,
    settings,
    ...await loadTemplates(source, settings, bucket),
  });
  if (!compiled.ok || file === null) return compiled;
  const { key } = compiled.workflow;
  if (readKeyOfFileName(file) === key) return compiled;
  const message = `the file must be named after its key: ${key}.yml, got ${file}`;
  return { ok: false, problems: [{ path: "key", message, file }] };
}

/** Publishes a text; throws `unprocessable` with its problems. */
export async function publishSource(
  source: WorkflowSource,
  { rpc, ...deps }: CheckDeps & { rpc: Pick<Rpc, "publishWorkflow"> },
): Promise<PublishedWorkflow> {
  const checked = await checkSource(source, deps);
  if (!checked.ok) throw refuseSource(source.file, checked.problems);
  return await publishChecked(source, checked.workflow, rpc);
}

/** Registers a text that checkSource has passed. */
export function publishChecked(
  { source, file, etag }: WorkflowSource,
  compiled: CompiledWorkflow,
  rpc: Pick<Rpc, "publishWorkflow">,
): Promise<PublishedWorkflow> {
  return rpc.publishWorkflow({
    compiled,
    source,
    ...(file === null || etag === undefined ? {} : { sourcePath: file, sourceEtag: etag }),
  });
}

/** The error that carries a file's problems; its message tells the first one. */
export function refuseSource(file: string | null, problems: Problem[]): OrchestratorError {
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
  const text = `publishing ${file ?? "a workflow"}: ${problems[0].message}${more}`;
  return new OrchestratorError("unprocessable", text, { problems });
}
