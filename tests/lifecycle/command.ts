// Runs this project's commands as processes, as a newcomer would, on a copy of the project where they
// would otherwise touch the data of a stack that somebody works with.
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url)).replace(/\/$/, "");

export interface Finished {
  code: number;
  stdout: string;
  stderr: string;
}

/** A command that goes on: what it has printed so far, and how it ends. */
export interface Running {
  pid: number;
  text(): string;
  kill(signal: Deno.Signal): void;
  ended: Promise<number>;
}

export interface ProjectCopy {
  root: string;
  /** Where the stack of this copy keeps its data. */
  dataFolder: string;
  run(script: string, ...args: string[]): Promise<Finished>;
  start(script: string, ...args: string[]): Running;
  remove(): Promise<void>;
}

const PARTS = ["admin", "deno.json", "scripts", "supabase", "workflows"];

/**
 * Copies what the commands need; packages come from Deno's cache, the dashboard's from this folder. `env` is
 * set for the stack that is started.
 */
export async function copyProject(env: Record<string, string> = {}): Promise<ProjectCopy> {
  const root = await Deno.makeTempDir({ prefix: "project-", dir: "/var/tmp" });
  await Deno.chmod(root, 0o755);
  for (const part of PARTS) await copyTree(`${ROOT}/${part}`, `${root}/${part}`);
  await Deno.symlink(`${ROOT}/node_modules`, `${root}/node_modules`);
  const hash = createHash("sha256").update(await Deno.realPath(root)).digest("hex").slice(0, 12);
  const dataFolder = Deno.uid() === 0 ? `/var/tmp/wisely-orchestrator/${hash}` : `${root}/.stack`;
  return {
    root,
    dataFolder,
    run: (script, ...args) => runScript(root, script, args),
    start: (script, ...args) => startScript(root, script, args, env),
    remove: async () => {
      await Deno.remove(root, { recursive: true });
      await Deno.remove(dataFolder, { recursive: true }).catch(() => {});
    },
  };
}

/** Runs a script of a project to its end. */
export async function runScript(
  root: string,
  script: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<Finished> {
  const { code, stdout, stderr } = await command(root, script, args, env).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

function startScript(
  root: string,
  script: string,
  args: string[],
  env: Record<string, string>,
): Running {
  const child = command(root, script, args, env).spawn();
  let text = "";
  const record = async (output: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const part of output) text += decoder.decode(part, { stream: true });
  };
  const outputs = Promise.all([record(child.stdout), record(child.stderr)]);
  return {
    pid: child.pid,
    text: () => text,
    kill: (signal) => child.kill(signal),
    ended: child.status.then(async ({ code }) => {
      await outputs;
      return code;
    }),
  };
}

function command(
  root: string,
  script: string,
  args: string[],
  env: Record<string, string> = {},
): Deno.Command {
  // A server of one's own that the tests run on is not the one that these commands may use.
  const kept = Object.entries(Deno.env.toObject()).filter(([name]) =>
    name !== "DATABASE_URL" && !name.startsWith("SUPABASE_")
  );
  return new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--allow-all", "--no-check", "--no-lock", "--node-modules-dir=none"],
      ...["--config", `${root}/deno.json`, `${root}/scripts/${script}`, ...args],
    ],
    cwd: root,
    clearEnv: true,
    env: { ...Object.fromEntries(kept), NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Processes that name the folder in their command line, but for this one and its shells. */
export function findProcesses(folder: string): number[] {
  const found: number[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name) || Number(name) === Deno.pid) continue;
    try {
      if (Deno.readTextFileSync(`/proc/${name}/cmdline`).includes(folder)) found.push(Number(name));
    } catch {
      // It ended in between.
    }
  }
  return found;
}

/** Everything that a process has started, and what that has started. */
export function findDescendants(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = Deno.readTextFileSync(`/proc/${name}/stat`);
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // It ended in between.
    }
  }
  const found: number[] = [];
  for (const queue = [root]; queue.length > 0;) {
    const next = children.get(queue.shift()!) ?? [];
    found.push(...next);
    queue.push(...next);
  }
  return found;
}

async function copyTree(from: string, to: string): Promise<void> {
  const { isDirectory } = await Deno.stat(from);
  if (!isDirectory) return await Deno.copyFile(from, to);
  await Deno.mkdir(to);
  for await (const { name } of Deno.readDir(from)) {
    if (!["node_modules", ".temp", "dist"].includes(name)) {
      await copyTree(`${from}/${name}`, `${to}/${name}`);
    }
  }
}
