// Owns the folder that keeps a stack's data between starts: where it is, who holds it, its removal.
import { createHash } from "node:crypto";

/** Held for as long as a stack uses its data folder. */
export interface FolderLock {
  /** Leaves a line for whoever finds the folder taken. */
  describe(text: string): void;
  release(): void;
}

/** PostgreSQL refuses to run as root; a stack that root starts runs it as `nobody`. */
export const SERVER_USER = Deno.uid() === 0 ? { uid: 65534, gid: 65534 } : {};

/**
 * Returns a project's data folder, one a server: the stack's own or that of `databaseUrl`. Root's is
 * outside the project, where `nobody` can reach it.
 */
export function findDataFolder(root: string, databaseUrl?: string): string {
  const name = databaseUrl === undefined ? "local" : nameServer(new URL(databaseUrl));
  if (Deno.uid() !== 0) return `${root}/.stack/${name}`;
  const hash = createHash("sha256").update(Deno.realPathSync(root)).digest("hex").slice(0, 12);
  return `/var/tmp/wisely-orchestrator/${hash}/${name}`;
}

function nameServer({ hostname, port, pathname }: URL): string {
  return `${hostname}-${port || 5432}-${pathname.slice(1)}`.replaceAll(/[^A-Za-z0-9_.-]/g, "_");
}

/** Takes the folder for this process; a second stack on the same data would damage it. */
export async function lockDataFolder(folder: string): Promise<FolderLock> {
  await Deno.mkdir(folder, { recursive: true });
  const file = await Deno.open(`${folder}/lock`, { read: true, write: true, create: true });
  // The kernel drops this lock with its process, so a killed stack leaves no stale one.
  if (!(await file.tryLock(true))) {
    file.close();
    const holder = (await Deno.readTextFile(`${folder}/lock`)).trim();
    throw new Error(
      `cannot use the data folder ${folder}: a stack is already running on it` +
        `${holder ? ` (${holder})` : ""}; stop that one first`,
    );
  }
  const describe = (text: string) => {
    file.truncateSync(0);
    file.seekSync(0, Deno.SeekMode.Start);
    file.writeSync(new TextEncoder().encode(text));
  };
  describe(`process ${Deno.pid}`);
  return {
    describe,
    release: () => {
      file.truncateSync(0);
      file.close();
    },
  };
}

/** Throws a project's local data away; refused while a stack runs on it. */
export async function resetDataFolder(folder: string): Promise<void> {
  const lock = await lockDataFolder(folder);
  try {
    await waitForServerEnd(`${folder}/pg`);
    await Deno.remove(folder, { recursive: true });
  } finally {
    lock.release();
  }
}

/**
 * Waits until no server uses the database folder: one whose stack was killed needs a moment to shut
 * down. A server that stays belongs to somebody else, and that is an error.
 */
export async function waitForServerEnd(databaseFolder: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const pid = await readServerPid(databaseFolder);
    if (pid === undefined || !isServer(pid)) return;
    if (Date.now() > deadline) {
      throw new Error(
        `cannot use the database in ${databaseFolder}: PostgreSQL is already running on it ` +
          `(process ${pid}); stop that process first`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function readServerPid(databaseFolder: string): Promise<number | undefined> {
  try {
    const pid = Number.parseInt(await Deno.readTextFile(`${databaseFolder}/postmaster.pid`));
    return Number.isNaN(pid) ? undefined : pid;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

// A pid file outlives a crash of the machine, and its number may be anyone's by now.
function isServer(pid: number): boolean {
  try {
    if (Deno.build.os === "linux") {
      return Deno.readTextFileSync(`/proc/${pid}/comm`).startsWith("postgres");
    }
    return new Deno.Command("ps", { args: ["-p", String(pid)] }).outputSync().success;
  } catch {
    return false;
  }
}
