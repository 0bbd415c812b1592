// The templates of a workflow file on disk, where the bucket will have them: in the folder `templates`
// beside it, or beside its folder.
import { join } from "node:path";
import type { CompileSettings } from "../../supabase/functions/_shared/workflow/compile.ts";
import { readKeyOfFileName } from "../../supabase/functions/_shared/registry/bucket.ts";
import { loadTemplates } from "../../supabase/functions/_shared/registry/load_templates.ts";
import { TEMPLATE_FOLDER } from "../../supabase/functions/_shared/workflow/template_book.ts";

export interface LocalTemplates {
  /** Sources of those that the file uses, by name. */
  templates: ReadonlyMap<string, string>;
  /** The names of all. */
  names: string[];
  /** The path of a template, as messages name it. */
  nameFile: (name: string) => string;
}

/** Reads what a workflow's source needs; `folder` is that of its file. */
export async function readTemplates(
  source: string,
  settings: CompileSettings,
  folder: string,
): Promise<LocalTemplates> {
  const folders = [folder, join(folder, "..")].map((parent) => join(parent, TEMPLATE_FOLDER));
  const files = await listTemplates(folders);
  const { templates = new Map<string, string>() } = await loadTemplates(source, settings, {
    download: async (name) => {
      const file = files.get(name.slice(TEMPLATE_FOLDER.length + 1, -".yml".length));
      return file === undefined ? null : await Deno.readTextFile(file);
    },
    listTemplates: () => Promise.resolve([...files.keys()]),
  });
  return {
    templates,
    names: [...files.keys()],
    nameFile: (name) => files.get(name) ?? join(folders[0], `${name}.yml`),
  };
}

/** Paths by name; the nearer folder wins. */
async function listTemplates(folders: readonly string[]): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const folder of folders.toReversed()) {
    try {
      for await (const { name, isFile } of Deno.readDir(folder)) {
        const key = readKeyOfFileName(name);
        if (isFile && key !== null) files.set(key, join(folder, name));
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return files;
}
