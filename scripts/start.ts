// `deno task start`: runs the local stack with this project set up on it, in the foreground. The only
// place that knows both the stack and the project.
import { fileURLToPath } from "node:url";
import { DASHBOARD_PATH, openLocalSite } from "./admin/local_site.ts";
import { connect } from "../supabase/functions/_shared/database/client.ts";
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

/** How long a signal may be on its way. */
const SIGNAL_MS = 200;
const ROOT = fileURLToPath(new URL("../", import.meta.url)).replace(/\/$/, "");

const USAGE =
  `Runs the local stack until Ctrl-C: gateway, database, storage, functions and the dashboard.

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
  const { promise: publishableKey, resolve: tellKey } = Promise.withResolvers<string>();
  const { watch } = options;
  const site = openLocalSite({ outDir: `${dataDir}/admin`, publishableKey, watch });
  const stack = await startStack({
    root: ROOT,
    databaseUrl,
    dataDir,
    port: options.port,
    env: pickSettings(),
    watch,
    sites: { [DASHBOARD_PATH]: site.find },
    onProgress: options.onProgress,
  }).catch(async (error) => {
    await site.stop();
    throw error;
  });
  tellKey(stack.keys.publishable);
  const stop = async () => {
    await stack.stop();
    await site.stop();
  };
  try {
    await setUp({
      url: stack.url,
      serviceKey: stack.keys.secret,
      root: ROOT,
      onProgress: options.onProgress,
    });
    // Ahead of the first visitor. The engine runs without it as well, and the page itself tells why.
    if (watch) await site.find().catch((error) => tellFailure(error, options.onProgress));
    return { ...stack, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function tellFailure(error: unknown, onProgress?: (line: string) => void): void {
  onProgress?.(`the dashboard is not built: ${error instanceof Error ? error.message : error}`);
}

/** Tells how to get into the dashboard, as long as nobody can. */
async function findSignInHint(stack: Stack): Promise<string | null> {
  const operators = await connect(stack.url, stack.keys.secret).rpc.listOperators().catch(() => []);
  return operators.length > 0
    ? null
    : "Nobody can sign in to the dashboard yet: npx -y deno@2 task admin:grant you@example.com operator";
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
    ["dashboard", `${stack.url}${DASHBOARD_PATH}/`],
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
  // A Ctrl-C ends what the start runs as well, and that failure may be here before the signal is.
  const settled = starting.catch(async (error) => {
    await Promise.race([stopped, new Promise((resolve) => setTimeout(resolve, SIGNAL_MS))]);
    throw error;
  });
  const outcome = await Promise.race([settled, stopped]);
  if (typeof outcome === "string") {
    console.log(`\nstopping: ${outcome}`);
    // Ctrl-C also reaches the programs that the start is waiting for; that they fail is no news.
    return await starting.then((stack) => stack.stop(), () => {});
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`\nThe stack runs (started in ${seconds} s); Ctrl-C stops it.\n`);
  console.log(describeStack(outcome));
  const hint = await findSignInHint(outcome);
  if (hint !== null) console.log(`\n${hint}`);
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
