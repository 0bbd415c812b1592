// Proves that every function can be deployed as it is: its graph, its pins, its size and the APIs it
// uses. Sizes are those of `deno bundle`, which packs the same modules as the platform's bundler;
// the platform's own format (eszip) adds source maps, hence the margin below the real limit.
import { readImportGraph, runDeno } from "./import_graph.ts";
import { checkPackages, checkPins, type Imports } from "./pin_rules.ts";
import { type Breach, finish, type RuleResult } from "./report.ts";
import { ROOT } from "./root.ts";
import { findMissingApis, judgeNodeModule } from "./runtime_rules.ts";
import { readSources } from "./source_text.ts";

const FUNCTIONS = "supabase/functions";
/** https://supabase.com/docs/guides/functions/limits: 20 MB bundled by the CLI, 5 MB by the server. */
const MAX_BUNDLE_BYTES = 5_000_000;

const rootImports: Imports = JSON.parse(await Deno.readTextFile(`${ROOT}/deno.json`)).imports;
const sources = await readSources(ROOT, [FUNCTIONS], [".ts"]);
const results: (RuleResult & { note?: string })[] = [];
for (const name of await listFunctions()) results.push(...await checkFunction(name));
finish(results);

async function listFunctions(): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of Deno.readDir(`${ROOT}/${FUNCTIONS}`)) {
    if (entry.isDirectory && !/^[_.]/.test(entry.name)) names.push(entry.name);
  }
  return names.sort();
}

async function checkFunction(name: string): Promise<(RuleResult & { note?: string })[]> {
  const folder = `${FUNCTIONS}/${name}`;
  const [entry, config] = [`${folder}/index.ts`, `${folder}/deno.json`];
  const missing = [entry, config].filter((path) => !exists(path));
  if (missing.length > 0) {
    const breaches = missing.map((path) => ({ path, message: "is missing" }));
    return [{ rule: `${name}: has index.ts and deno.json of its own`, breaches }];
  }
  const text = await Deno.readTextFile(`${ROOT}/${config}`);
  const { imports = {} } = JSON.parse(text) as { imports?: Imports };
  const graph = await readImportGraph(ROOT, entry, config);
  const ours = sources.filter(({ path }) => graph.modules.includes(path));
  const outside = graph.edges.flatMap(({ from, to, line }) => {
    if (/^(npm|node):/.test(to) || to.startsWith(`${FUNCTIONS}/`)) return [];
    return [{ path: from, line, message: `imports ${to}` }];
  });
  const nodeModules = graph.edges.flatMap(({ from, to, line }) => {
    const message = judgeNodeModule(to);
    return message === null ? [] : [{ path: from, line, message }];
  });
  const bundle = await measureBundle(entry, config);
  return [
    {
      rule: `${name}: its graph resolves with its own deno.json and stays in ${FUNCTIONS}`,
      breaches: [...graph.problems, ...outside],
      note: `${graph.modules.length} modules of ours`,
    },
    {
      rule: `${name}: packages are pinned exactly and as at the root`,
      breaches: [...checkPins(config, text, rootImports), ...checkPackages(graph.edges, imports)],
    },
    {
      rule: `${name}: it type-checks with its own deno.json`,
      breaches: await check(entry, config),
    },
    { rule: `${name}: its bundle is below the limit`, ...bundle },
    {
      rule: `${name}: it uses nothing that the hosted runtime lacks`,
      breaches: [...findMissingApis(ours), ...nodeModules],
    },
  ];
}

async function check(entry: string, config: string): Promise<Breach[]> {
  try {
    await runDeno(ROOT, ["check", "--no-lock", "--config", config, entry]);
    return [];
  } catch (error) {
    return [{ path: entry, message: error instanceof Error ? error.message : String(error) }];
  }
}

async function measureBundle(
  entry: string,
  config: string,
): Promise<{ breaches: Breach[]; note?: string }> {
  const folder = await Deno.makeTempDir();
  try {
    const output = `${folder}/bundle.js`;
    const flags = ["--no-lock", "--platform", "deno", "--config", config, "--output", output];
    await runDeno(ROOT, ["bundle", ...flags, entry]);
    const { size } = await Deno.stat(output);
    const note = `${(size / 1_000_000).toFixed(2)} MB of ${MAX_BUNDLE_BYTES / 1_000_000}`;
    return size <= MAX_BUNDLE_BYTES
      ? { breaches: [], note }
      : { breaches: [{ path: entry, message: `is too large: ${note}` }] };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { breaches: [{ path: entry, message }] };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(`${ROOT}/${path}`).isFile;
  } catch {
    return false;
  }
}
