// Fetches the templates that a workflow uses, before the compiler, which does no I/O, needs them.
// Serves the registry.
import {
  type CompileOptions,
  type CompileSettings,
  listTemplateNames,
} from "../workflow/compile.ts";
import { nameTemplateFile } from "../workflow/template_book.ts";
import type { WorkflowBucket } from "./bucket.ts";

export type TemplateSource = Pick<WorkflowBucket, "download" | "listTemplates">;

/** The templates of a text; the names of all others only where one is missing. */
export async function loadTemplates(
  source: string,
  settings: CompileSettings,
  bucket: TemplateSource,
): Promise<Pick<CompileOptions, "templates" | "templateNames">> {
  const names = listTemplateNames(source, settings);
  const templates = new Map<string, string>();
  await Promise.all(names.map(async (name) => {
    const text = await bucket.download(nameTemplateFile(name));
    if (text !== null) templates.set(name, text);
  }));
  if (templates.size === names.length) return { templates };
  return { templates, templateNames: await bucket.listTemplates() };
}
