// Who imports whom, as Deno itself resolves it.

export interface ImportEdge {
  /** Paths below the repository's root, or a specifier such as npm:zod@4.6.7. */
  from: string;
  to: string;
  /** As it stands in the source. */
  specifier: string;
  line: number;
}

export interface ImportGraph {
  edges: ImportEdge[];
  /** Our own modules, by path. */
  modules: string[];
  problems: { path: string; line: number; message: string }[];
}

interface DenoInfo {
  modules: {
    specifier: string;
    error?: string;
    dependencies?: {
      specifier: string;
      code?: DenoResolution;
      type?: DenoResolution;
    }[];
  }[];
}

interface DenoResolution {
  specifier?: string;
  error?: string;
  span: { start: { line: number } };
}

/** Runs deno with the root as its working folder; returns its output, throws with its errors. */
export async function runDeno(root: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  if (!success) {
    const message = new TextDecoder().decode(stderr).trim();
    throw new Error(`running deno ${args[0]} ${args.at(-1)}: ${message}`);
  }
  return new TextDecoder().decode(stdout);
}

/** The graph of everything that the entry reaches, with the imports of the given deno.json. */
export async function readImportGraph(
  root: string,
  entry: string,
  config: string,
): Promise<ImportGraph> {
  const output = await runDeno(root, ["info", "--json", "--no-lock", "--config", config, entry]);
  return toGraph(root, JSON.parse(output));
}

/** One graph of many files, through a passing module that imports them all. */
export async function readImportGraphOf(
  root: string,
  paths: readonly string[],
  config: string,
): Promise<ImportGraph> {
  const folder = await Deno.makeTempDir();
  try {
    const entry = `${folder}/all.ts`;
    const imports = paths.map((path) => `import ${JSON.stringify(`file://${root}/${path}`)};\n`);
    await Deno.writeTextFile(entry, imports.join(""));
    const graph = await readImportGraph(root, entry, config);
    return { ...graph, edges: graph.edges.filter(({ from }) => !from.includes(folder)) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function toGraph(root: string, info: DenoInfo): ImportGraph {
  const graph: ImportGraph = { edges: [], modules: [], problems: [] };
  const prefix = `file://${root}/`;
  const toPath = (specifier: string) =>
    specifier.startsWith(prefix) ? decodeURI(specifier.slice(prefix.length)) : specifier;
  for (const module of info.modules) {
    const from = toPath(module.specifier);
    if (module.error !== undefined) {
      graph.problems.push({ path: from, line: 1, message: module.error });
    }
    if (module.specifier.startsWith(prefix)) graph.modules.push(from);
    for (const dependency of module.dependencies ?? []) {
      const resolution = dependency.code ?? dependency.type;
      const line = (resolution?.span.start.line ?? 0) + 1;
      if (resolution?.specifier === undefined) {
        const message = resolution?.error ?? `cannot resolve "${dependency.specifier}"`;
        graph.problems.push({ path: from, line, message });
        continue;
      }
      const { specifier } = dependency;
      graph.edges.push({ from, to: toPath(resolution.specifier), specifier, line });
    }
  }
  graph.modules.sort();
  return graph;
}
