// Decides when a foreground stack ends: on Ctrl-C, on SIGTERM, and when the command that started it
// is gone, however that went.

/** The programs that start us one inside the other; a shell between them is looked through. */
const LAUNCHERS = /\b(npx|npm|deno)\b/;
const CHECK_MS = 1000;

interface Ancestor {
  pid: number;
  /** Tells a process from a later one with the same number. */
  startedAt: string;
}

/**
 * Resolves with the reason to stop. A second Ctrl-C ends the process at once; what the stack started
 * ends with it (see postgres.ts and edge_runtime.ts).
 */
export function waitForStop(): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let isStopping = false;
  const stop = (reason: string) => {
    if (isStopping && reason === "SIGINT") Deno.exit(130);
    isStopping = true;
    clearInterval(timer);
    resolve(reason);
  };
  Deno.addSignalListener("SIGINT", () => stop("SIGINT"));
  Deno.addSignalListener("SIGTERM", () => stop("SIGTERM"));
  const launchers = findLaunchers();
  const timer = setInterval(() => {
    if (launchers.some((launcher) => readStart(launcher.pid) !== launcher.startedAt)) {
      stop("the command that started the stack is gone");
    }
  }, CHECK_MS);
  return promise;
}

/**
 * Finds the chain of `npx`, `npm` and `deno` processes above this one. A killed `npx` tells its
 * children nothing. The user's shell is not in the chain: closing it must not stop the stack.
 */
export function findLaunchers(): Ancestor[] {
  if (Deno.build.os !== "linux") return [];
  const launchers: Ancestor[] = [];
  let pid = Deno.ppid;
  while (pid > 1) {
    const command = readCommand(pid);
    const isLauncher = /(^|\/)(node|npm|npx|deno)[^/]*$/.test(command[0] ?? "") ||
      command[0]?.startsWith("npm ");
    if (isLauncher && LAUNCHERS.test(command.join(" "))) {
      const startedAt = readStart(pid);
      if (startedAt !== undefined) launchers.push({ pid, startedAt });
    } else if (!/(^|\/)(sh|bash|dash)$/.test(command[0] ?? "") || command[1] !== "-c") break;
    pid = Number(readStat(pid)?.[1] ?? 0);
  }
  return launchers;
}

function readCommand(pid: number): string[] {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0").filter((part) => part !== "");
  } catch {
    return [];
  }
}

function readStart(pid: number): string | undefined {
  const stat = readStat(pid);
  // A zombie has ended; only its parent has not noticed.
  return stat === undefined || stat[0] === "Z" ? undefined : stat[19];
}

// The fields after the program's name, which may itself hold spaces and brackets.
function readStat(pid: number): string[] | undefined {
  try {
    const text = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}
