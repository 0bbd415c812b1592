// `deno task start`: runs the local stack with this project set up on it, in the foreground. The only
// place that knows both the stack and the project.
import { fileURLToPath } from "node:url";
import { setUp } from "./setup-orchestrator.ts";
import {
  findDataFolder,
  resetDataFolder,
  type Stack,
  startStack,
  waitForStop,
} from "./stack/mod.ts";

export interface StartOptions {
  /** Port of the gateway; 54321 if not given. */
  port?: number;
  /** Throws the data of earlier starts away first. */
  reset?: boolean;
  /** Restarts functions when their files change. */
  watch?: boolean;
  /** Another data folder than that of `deno task start`. */
  dataDir?: string;
  onProgress?: (line: string) => void;
}

const ROOT = fileURLToPath(new URL("../", import.meta.url)).replace(/\/$/, "");

const USAGE = `Runs the local stack until Ctrl-C: gateway, database, storage and functions.

  deno task start [--port N] [--reset]

  --port N   port of the gateway (default 54321; 0 takes a free one)
  --reset    throw away the data of earlier starts
  --help     show this text

Environment: DATABASE_URL runs the stack on a PostgreSQL server of your own (a superuser's URL);
ORCHESTRATOR_* and EDGE_* are passed on to the functions.`;

/** Starts the stack on this project's data folder and sets the project up on it. */
export async function startProject(options: StartOptions = {}): Promise<Stack> {
  const databaseUrl = Deno.env.get("DATABASE_URL");
  const dataDir = options.dataDir ?? findDataFolder(ROOT, databaseUrl);
  if (options.reset) {
    if (databaseUrl !== undefined) {
      throw new Error(
        "cannot reset: DATABASE_URL names a server of your own; drop its database there, or unset it",
      );
    }
    await resetDataFolder(dataDir);
  }
  const stack = await startStack({
    root: ROOT,
    databaseUrl,
    dataDir,
    port: options.port,
    env: pickSettings(),
    watch: options.watch,
    onProgress: options.onProgress,
  });
  try {
    await setUp({
      url: stack.url,
      serviceKey: stack.keys.secret,
      root: ROOT,
      onProgress: options.onProgress,
    });
    return stack;
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

/** The engine's own variables reach its functions, as `supabase secrets set` does on a hosted project. */
function pickSettings(): Record<string, string> {
  const entries = Object.entries(Deno.env.toObject());
  return Object.fromEntries(entries.filter(([name]) => /^(ORCHESTRATOR|EDGE)_/.test(name)));
}

/** Lists what a caller needs to reach a running stack, aligned for a terminal. */
export function describeStack(stack: Stack): string {
  const rows = [
    ["gateway", stack.url],
    ["functions", `${stack.url}/functions/v1/`],
    ["database", stack.databaseUrl],
    ["publishable key", stack.keys.publishable],
    ["secret key", stack.keys.secret],
    ["anon key (legacy)", stack.keys.anonJwt],
    ["service_role key (legacy)", stack.keys.serviceRoleJwt],
    ["data and logs", stack.dataDir],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join("\n");
}

function readArguments(args: string[]): StartOptions | "help" {
  const options: StartOptions = { watch: true };
  for (let index = 0; index < args.length; index++) {
    const [name, inline] = args[index].split("=", 2);
    if (name === "--help" || name === "-h") return "help";
    if (name === "--reset" && inline === undefined) options.reset = true;
    else if (name === "--port") {
      const value = inline ?? args[++index] ?? "";
      const port = Number(value);
      if (!/^\d+$/.test(value) || port > 65535) throw new Error(`--port is no port: "${value}"`);
      options.port = port;
    } else throw new Error(`unknown argument: ${args[index]}\n\n${USAGE}`);
  }
  return options;
}

async function main(): Promise<void> {
  const options = readArguments(Deno.args);
  if (options === "help") return console.log(USAGE);
  // From the first moment on, so that a Ctrl-C during the start also ends what was started.
  const stopped = waitForStop();
  let isStopping = false;
  stopped.then(() => isStopping = true);
  const started = performance.now();
  const starting = startProject({
    ...options,
    onProgress: (line) => isStopping || console.log(`· ${line}`),
  });
  const outcome = await Promise.race([starting, stopped]);
  if (typeof outcome === "string") {
    console.log(`\nstopping: ${outcome}`);
    // Ctrl-C also reaches the programs that the start is waiting for; that they fail is no news.
    return await starting.then((stack) => stack.stop(), () => {});
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`\nThe stack runs (started in ${seconds} s); Ctrl-C stops it.\n`);
  console.log(describeStack(outcome));
  console.log(`\nstopping: ${await stopped}`);
  await outcome.stop();
}

if (import.meta.main) {
  try {
    await main();
    Deno.exit(0);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(1);
  }
}
