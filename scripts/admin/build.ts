// `deno task admin:build`: bundles the dashboard into a folder of static files with hashed names, for any
// static host. The project's URL and its publishable key are written into index.html.
import * as esbuild from "esbuild";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

export interface BuildOptions {
  /** The project's base URL; empty: the origin that serves the page. */
  url: string;
  publishableKey: string;
  outDir: string;
}

export interface BuiltFile {
  name: string;
  bytes: number;
  gzipBytes: number;
  /** Names of the files that it loads at once, and of those that it loads when they are needed. */
  imports: string[];
  lazyImports: string[];
}

const ROOT = fileURLToPath(new URL("../../", import.meta.url)).replace(
  /\/$/,
  "",
);
const SOURCE = `${ROOT}/admin/src`;

const USAGE = `Builds the dashboard as static files.

  deno task admin:build --url URL --key KEY [--out FOLDER]

  --url URL     the project, such as https://abcdefgh.supabase.co (default: SUPABASE_URL)
  --key KEY     its publishable key, or the legacy anon key (default: SUPABASE_PUBLISHABLE_KEY)
  --out FOLDER  where the files go; what is in it is replaced (default: admin/dist)
  --help        show this text

Put the folder on any static host, and name that host's origin in ORCHESTRATOR_ADMIN_ORIGINS of the project.
No key but the publishable one ever belongs into these files.`;

/** Builds into `outDir`, which is emptied first; answers the files with their sizes. */
export async function buildDashboard(
  { url, publishableKey, outDir }: BuildOptions,
): Promise<BuiltFile[]> {
  refuseSecret(publishableKey);
  await Deno.remove(outDir, { recursive: true }).catch(() => {});
  await Deno.mkdir(outDir, { recursive: true });
  const { metafile } = await esbuild.build({
    entryPoints: [`${SOURCE}/main.ts`, `${SOURCE}/style.css`],
    outdir: outDir,
    entryNames: "[name]-[hash]",
    chunkNames: "[name]-[hash]",
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    target: "es2022",
    metafile: true,
    absWorkingDir: ROOT,
    nodePaths: [`${ROOT}/node_modules`],
    logLevel: "silent",
  });
  const outputs = Object.entries(metafile.outputs).map(([path, output]) => ({
    name: readName(path),
    source: output.entryPoint === undefined ? undefined : readName(output.entryPoint),
    imports: listImports(output, "import-statement"),
    lazyImports: listImports(output, "dynamic-import"),
  }));
  const nameOf = (source: string) => outputs.find((output) => output.source === source)!.name;
  const origin = url === "" ? "" : new URL(url).origin;
  const page = fill(await Deno.readTextFile(`${SOURCE}/index.html`), {
    policy: describePolicy(origin),
    style: nameOf("style.css"),
    script: nameOf("main.ts"),
    // A data block ends at the first `</script`, wherever that stands.
    config: JSON.stringify({ url: origin, publishableKey }).replaceAll(
      "<",
      "\\u003c",
    ),
  });
  await Deno.writeTextFile(`${outDir}/index.html`, page);
  const start = {
    name: "index.html",
    imports: [nameOf("style.css"), nameOf("main.ts")],
    lazyImports: [],
  };
  return await Promise.all(
    [start, ...outputs].map(async ({ name, imports, lazyImports }) => ({
      name,
      ...await measure(`${outDir}/${name}`),
      imports,
      lazyImports,
    })),
  );
}

/** Ends the bundler's process; the builds of a program that lives on need it no more. */
export async function stopBuilder(): Promise<void> {
  await esbuild.stop();
}

/** What the page may load, and whom it may call: its own files, and the project. */
function describePolicy(origin: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    `connect-src 'self'${origin === "" ? "" : ` ${origin}`}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
}

/** The page is for everybody's eyes: a key that opens everything must not get into it by mistake. */
function refuseSecret(key: string): void {
  const role = key.startsWith("eyJ") ? readRole(key) : null;
  if (key.startsWith("sb_secret_") || role === "service_role") {
    throw new Error(
      "building the dashboard: this is a secret key, and the files are public; give the publishable key (sb_publishable_…)",
    );
  }
}

function readRole(jwt: string): unknown {
  try {
    return JSON.parse(
      atob(jwt.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")),
    ).role;
  } catch {
    return null;
  }
}

function fill(template: string, values: Record<string, string>): string {
  // The placeholder of the data block stands in quotes, so that the source is JSON to whoever reads it.
  return template.replace(
    /"\{\{config\}\}"|\{\{(\w+)\}\}/g,
    (_, name = "config") => values[name],
  );
}

function listImports(
  output: esbuild.Metafile["outputs"][string],
  kind: string,
): string[] {
  return output.imports.filter((it) => it.kind === kind).map(({ path }) => readName(path));
}

function readName(path: string): string {
  return path.split("/").at(-1)!;
}

async function measure(
  path: string,
): Promise<{ bytes: number; gzipBytes: number }> {
  const content = await Deno.readFile(path);
  const zipped = new Blob([content]).stream().pipeThrough(
    new CompressionStream("gzip"),
  );
  return {
    bytes: content.byteLength,
    gzipBytes: (await new Response(zipped).arrayBuffer()).byteLength,
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      url: { type: "string", default: Deno.env.get("SUPABASE_URL") },
      key: {
        type: "string",
        default: Deno.env.get("SUPABASE_PUBLISHABLE_KEY"),
      },
      out: { type: "string", default: `${ROOT}/admin/dist` },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  if (!values.url || !values.key) {
    throw new Error(
      `building the dashboard: ${values.url ? "--key" : "--url"} is missing\n\n${USAGE}`,
    );
  }
  const files = await buildDashboard({
    url: values.url,
    publishableKey: values.key,
    outDir: values.out!,
  });
  const width = Math.max(...files.map(({ name }) => name.length));
  for (const { name, bytes, gzipBytes } of files) {
    console.log(
      `  ${name.padEnd(width)}  ${kilobytes(bytes)}  ${kilobytes(gzipBytes)} gzipped`,
    );
  }
  const total = files.reduce((sum, { gzipBytes }) => sum + gzipBytes, 0);
  console.log(
    `\nwritten to ${values.out}: ${kilobytes(total).trim()} gzipped in all`,
  );
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1_000).toFixed(1)} kB`.padStart(9);
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exitCode = 1;
  } finally {
    await stopBuilder();
  }
}
