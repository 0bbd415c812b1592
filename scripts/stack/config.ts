// Reads the few keys of supabase/config.toml that the stack honours, and finds a project's functions.

export interface FunctionConfig {
  name: string;
  /** Absolute path of the module that serves. */
  entrypoint: string;
  /** Absolute path of the function's deno.json, if it has one. */
  importMap: string | undefined;
  verifyJwt: boolean;
}

export interface ProjectConfig {
  /** Schemas that the Data API exposes; the first is the default. */
  schemas: string[];
  maxRows: number;
  databasePort: number;
}

type Value = string | number | boolean | Value[];
type Sections = Map<string, Map<string, Value>>;

/** Reads a project's settings; a missing file means Supabase's defaults. */
export async function readProjectConfig(root: string): Promise<ProjectConfig> {
  const sections = await readSections(root);
  const api = sections.get("api");
  const schemas = api?.get("schemas");
  return {
    schemas: Array.isArray(schemas) ? schemas.map(String) : ["public"],
    maxRows: Number(api?.get("max_rows") ?? 1000),
    databasePort: Number(sections.get("db")?.get("port") ?? 54322),
  };
}

/** Finds one function by name; undefined where the project has none of that name. */
export async function findFunction(
  root: string,
  name: string,
): Promise<FunctionConfig | undefined> {
  if (!/^[A-Za-z0-9_-]+$/.test(name)) return undefined;
  const settings = (await readSections(root)).get(`functions.${name}`);
  const folder = `${root}/supabase/functions/${name}`;
  // Paths in config.toml are relative to the supabase folder.
  const resolve = (value: Value | undefined, fallback: string) =>
    value === undefined ? fallback : `${root}/supabase/${String(value).replace(/^\.\//, "")}`;
  const entrypoint = resolve(settings?.get("entrypoint"), `${folder}/index.ts`);
  if (!(await isFile(entrypoint))) return undefined;
  const importMap = resolve(settings?.get("import_map"), `${folder}/deno.json`);
  return {
    name,
    entrypoint,
    importMap: (await isFile(importMap)) ? importMap : undefined,
    verifyJwt: settings?.get("verify_jwt") !== false,
  };
}

async function readSections(root: string): Promise<Sections> {
  try {
    return parseToml(await Deno.readTextFile(`${root}/supabase/config.toml`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Map();
    throw error;
  }
}

/** Parses tables of strings, numbers, booleans and arrays of them: what config.toml is made of. */
export function parseToml(text: string): Sections {
  const sections: Sections = new Map();
  let section = new Map<string, Value>();
  sections.set("", section);
  let pending = "";
  for (const [index, raw] of text.split("\n").entries()) {
    const line = pending + stripComment(raw).trim();
    pending = "";
    if (line === "") continue;
    const header = line.match(/^\[\s*([^\]]+?)\s*\]$/);
    if (header) {
      const name = header[1].replaceAll('"', "");
      section = sections.get(name) ?? new Map();
      sections.set(name, section);
      continue;
    }
    const pair = line.match(/^("[^"]+"|[A-Za-z0-9_-]+)\s*=\s*(.*)$/s);
    if (!pair) {
      throw new Error(`cannot read supabase/config.toml: line ${index + 1}: ${raw.trim()}`);
    }
    if (pair[2].startsWith("[") && !pair[2].endsWith("]")) {
      pending = `${line} `;
      continue;
    }
    section.set(pair[1].replaceAll('"', ""), parseValue(pair[2]));
  }
  return sections;
}

function parseValue(text: string): Value {
  if (text.startsWith("[")) {
    const items = text.slice(1, -1).match(/"(?:[^"\\]|\\.)*"|'[^']*'|[^\s,]+/g) ?? [];
    return items.map(parseValue);
  }
  if (text.startsWith('"')) return JSON.parse(text) as string;
  if (text.startsWith("'")) return text.slice(1, -1);
  if (text === "true" || text === "false") return text === "true";
  const number = Number(text.replaceAll("_", ""));
  return Number.isNaN(number) ? text : number;
}

function stripComment(line: string): string {
  const match = line.match(/^(?:[^#"']|"(?:[^"\\]|\\.)*"|'[^']*')*/);
  return match ? match[0] : line;
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}
