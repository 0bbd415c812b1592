// A disk that can be full for a moment: a tmpfs that is shrunk to what it holds, where we may mount one
// (root, or sudo without a password: real ENOSPC), else a limit on the size of the server's files
// (RLIMIT_FSIZE: EFBIG, which the server meets at the same places).
import { SERVER_USER } from "../../scripts/stack/data_folder.ts";

export interface BoundedDisk {
  folder: string;
  how: "tmpfs" | "file size limit";
  /** Leaves no room for another page. `pids`: the processes that write here. */
  fill(pids: number[]): Promise<void>;
  free(pids: number[]): Promise<void>;
  remove(): Promise<void>;
}

const SLACK_STEP_BYTES = 16 * 1024;
const SLACK_MAX_BYTES = 512 * 1024;
const FILE_LIMIT_BYTES = 64 * 1024;

export async function openBoundedDisk(megabytes: number): Promise<BoundedDisk> {
  const folder = await Deno.makeTempDir({ prefix: "faults-", dir: "/var/tmp" });
  const owner = SERVER_USER.uid ?? Deno.uid();
  const options = `size=${megabytes}m,mode=755,uid=${owner},gid=${SERVER_USER.gid ?? Deno.gid()}`;
  const mount = await findMount(folder, options);
  if (mount === null) {
    await Deno.chown(folder, owner, null);
    return limitFiles(folder);
  }
  const resize = async (size: string) => {
    await mount("mount", "-o", `remount,size=${size}`, folder);
  };
  return {
    folder,
    how: "tmpfs",
    fill: async () => {
      for (let slackBytes = 0;; slackBytes += SLACK_STEP_BYTES) {
        const used = Number((await run("df", "-B1", "--output=used", folder)).split("\n")[1]);
        try {
          return await resize(String(used + slackBytes));
        } catch (error) {
          // More was written between the question and the cut; with some room it is soon met.
          if (slackBytes >= SLACK_MAX_BYTES) throw error;
        }
      }
    },
    free: () => resize(`${megabytes}m`),
    remove: async () => {
      await mount("umount", "-l", folder);
      await Deno.remove(folder, { recursive: true });
    },
  };
}

function limitFiles(folder: string): BoundedDisk {
  // The soft limit alone, which may be raised again.
  const limit = async (pids: number[], bytes: string) => {
    for (const pid of pids) {
      // It may have ended by itself, which is what a full disk does to servers.
      await run("prlimit", `--pid=${pid}`, `--fsize=${bytes}:`).catch(() => {});
    }
  };
  return {
    folder,
    how: "file size limit",
    fill: (pids) => limit(pids, String(FILE_LIMIT_BYTES)),
    free: (pids) => limit(pids, "unlimited"),
    remove: () => Deno.remove(folder, { recursive: true }),
  };
}

type Run = (...command: string[]) => Promise<string>;

/** Null: this user may not mount. */
async function findMount(folder: string, options: string): Promise<Run | null> {
  const ways: Run[] = [run, (...command) => run("sudo", "-n", ...command)];
  for (const way of ways) {
    try {
      await way("mount", "-t", "tmpfs", "-o", options, "tmpfs", folder);
      return way;
    } catch {
      // The next way.
    }
  }
  return null;
}

async function run(...[program, ...args]: string[]): Promise<string> {
  const output = await new Deno.Command(program, { args, stdin: "null" }).output();
  if (output.success) return new TextDecoder().decode(output.stdout);
  const reason = new TextDecoder().decode(output.stderr).trim();
  throw new Error(`${program} ${args.join(" ")} failed with ${output.code}: ${reason}`);
}
