// The local stack: a Supabase project on this machine, without Docker, for development and tests.
// This file puts the parts together, and takes them apart again in the reverse order.
import postgres from "postgres";
import { AuthApi } from "./auth_api.ts";
import { applyMigrations, prepareDatabase, type PreparedDatabase } from "./bootstrap.ts";
import { readProjectConfig } from "./config.ts";
import { CronLoop } from "./cron_loop.ts";
import { DataApi } from "./data_api.ts";
import { findDataFolder, lockDataFolder } from "./data_folder.ts";
import { FileStore } from "./file_store.ts";
import { FunctionHost } from "./functions.ts";
import { listenGateway } from "./gateway.ts";
import { type Claims, KeyRing, type SignOptions, type StackKeys } from "./keys.ts";
import { NetLoop } from "./net_loop.ts";
import { createDatabase, startPostgres } from "./postgres.ts";
import { type BroadcastMessage, RealtimeApi } from "./realtime_api.ts";
import { RolePool } from "./role_pool.ts";
import { SchemaCache } from "./schema_cache.ts";
import { type SiteSource, StaticSite } from "./static_site.ts";
import { StorageApi } from "./storage_api.ts";
import { watchFunctions } from "./watch.ts";

export { migrate } from "./bootstrap.ts";
export { findDataFolder, resetDataFolder } from "./data_folder.ts";
export type { SignOptions, StackKeys } from "./keys.ts";
export { waitForStop } from "./lifecycle.ts";
export { findRunningStack, type RunningStack } from "./running_stack.ts";
export { type PostgresOptions, type StartedPostgres, startPostgres } from "./postgres.ts";
export type { SiteSource } from "./static_site.ts";
export { runSupabaseCli } from "./tools.ts";

export interface StackOptions {
  /** Folder of the project, which has a folder `supabase`. */
  root: string;
  /** A superuser's URL of a server of one's own; without it the stack runs its own server. */
  databaseUrl?: string;
  /** Keys, files and logs; a temporary folder where `databaseUrl` is given and this is not. */
  dataDir?: string;
  /** Port of the gateway, 54321 if not given; 0 takes a free one. */
  port?: number;
  /** Environment of the functions, besides the platform's own variables. */
  env?: Record<string, string>;
  /** Name of the database, `postgres` (or the one of `databaseUrl`) if not given. */
  database?: string;
  /** Whether the stand-ins for pg_cron and pg_net run; both do if not given. */
  loops?: LoopSwitches;
  /** Restarts functions when their files change. */
  watch?: boolean;
  /** How long the access tokens of signed-in users are valid; an hour if not given, as hosted. */
  sessionSeconds?: number;
  /** Folders of static files by their path, such as {"/docs": "/home/me/docs"}. */
  sites?: Record<string, SiteSource>;
  onProgress?: (line: string) => void;
  /** File for the stack's own events, `logs/stack.log` in the data folder if not given. */
  logFile?: string;
}

export interface LoopSwitches {
  cron?: boolean;
  net?: boolean;
}

export interface Stack {
  /** Base URL of the gateway, without a slash at the end. */
  url: string;
  /** URL of the role that owns the project's objects. */
  databaseUrl: string;
  dataDir: string;
  keys: StackKeys;
  signJwt(claims: Claims, options?: SignOptions): Promise<string>;
  functionPids(): Record<string, number>;
  restartFunction(name: string): Promise<void>;
  /** What was sent by Realtime's HTTP API, the last messages. */
  listBroadcasts(): readonly BroadcastMessage[];
  /** Ends a function as a crash would; the next request starts it again. */
  killFunction(name: string): Promise<void>;
  /** What a function wrote to its console since the stack was started. */
  logs(name: string): string;
  setLoops(loops: LoopSwitches): Promise<void>;
  /** Makes Storage, Auth or the Data API answer as if they were down. */
  setAway(part: "storage" | "auth" | "database", isAway: boolean): void;
  stop(): Promise<void>;
}

const HOUR_SECONDS = 3600;

type Disposer = () => Promise<void> | void;

/** Starts the stack and resolves when it serves, with the migrations applied. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const disposers: Disposer[] = [];
  let stopping: Promise<void> | undefined;
  const stop = () => stopping ??= disposeAll(disposers);
  try {
    return await assemble(options, disposers, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function assemble(
  options: StackOptions,
  disposers: Disposer[],
  stop: () => Promise<void>,
): Promise<Stack> {
  const { root, onProgress } = options;
  const gateway = listenGateway(options.port ?? 54321);
  disposers.push(() => gateway.stop());
  const url = `http://127.0.0.1:${gateway.port}`;
  const config = await readProjectConfig(root);
  const folder = await openDataFolder(options, url, disposers);
  const onEvent = await openLog(folder, options.logFile, disposers);
  const keyRing = await KeyRing.load(folder);
  const onLost = (line: string) => {
    onEvent(line);
    onProgress?.(line);
  };
  const adminUrl = await openDatabase(options, folder, config.databasePort, onLost, disposers);
  const prepared = await prepareDatabase(adminUrl);
  await applyMigrations(prepared.ownerUrl, root, onProgress);

  const pool = new RolePool(adminUrl, config.schemas);
  disposers.push(() => pool.close());
  const cache = new SchemaCache(pool, config.schemas);
  const setLoops = await startLoops(adminUrl, prepared, options.loops ?? {}, {
    onEvent,
    onSchemaChange: () => cache.reset(),
  }, disposers);
  const functions = new FunctionHost({
    root,
    logFolder: `${folder}/logs`,
    env: { ...options.env, ...platformEnvironment(url, prepared.ownerUrl, keyRing) },
    onEvent,
  });
  // Functions end first: on their way out they may still call the gateway.
  disposers.push(() => gateway.stop(), () => functions.stop());
  if (options.watch) {
    const watcher = watchFunctions(root, (names) => {
      const touched = names ?? Object.keys(functions.pids());
      const running = touched.filter((name) => name in functions.pids());
      if (running.length > 0) onProgress?.(`changed, starts anew: ${running.join(", ")}`);
      void functions.reload(touched);
    });
    disposers.push(() => watcher.stop());
  }
  const storageApi = new StorageApi(pool, new FileStore(`${folder}/storage`));
  const realtimeApi = new RealtimeApi();
  const dataApi = new DataApi(pool, cache, config.maxRows);
  const sessionSeconds = options.sessionSeconds ?? HOUR_SECONDS;
  const authApi = new AuthApi(pool, keyRing, { url, sessionSeconds });
  const switches = { storage: storageApi, auth: authApi, database: dataApi };
  const sites = Object.entries(options.sites ?? {}).map(([path, it]) => new StaticSite(path, it));
  gateway.open({ keyRing, authApi, dataApi, storageApi, realtimeApi, functions, sites });

  return {
    url,
    databaseUrl: prepared.ownerUrl,
    dataDir: folder,
    keys: keyRing.keys,
    signJwt: (claims, signOptions) => keyRing.signJwt(claims, signOptions),
    functionPids: () => functions.pids(),
    restartFunction: (name) => functions.restart(name),
    killFunction: (name) => functions.kill(name),
    logs: (name) => functions.logs(name),
    listBroadcasts: () => realtimeApi.messages,
    setLoops,
    setAway: (part, isAway) => {
      switches[part].isAway = isAway;
    },
    stop,
  };
}

async function openDataFolder(
  options: StackOptions,
  url: string,
  disposers: Disposer[],
): Promise<string> {
  if (options.databaseUrl !== undefined && options.dataDir === undefined) {
    const folder = await Deno.makeTempDir({ prefix: "stack-" });
    disposers.push(() => Deno.remove(folder, { recursive: true }));
    return folder;
  }
  const folder = options.dataDir ?? findDataFolder(options.root);
  const lock = await lockDataFolder(folder);
  disposers.push(() => lock.release());
  lock.describe(`process ${Deno.pid}, ${url}`);
  return folder;
}

async function openLog(
  folder: string,
  logFile: string | undefined,
  disposers: Disposer[],
): Promise<(line: string) => void> {
  const logFolder = `${folder}/logs`;
  await Deno.remove(logFolder, { recursive: true }).catch(() => {});
  await Deno.mkdir(logFolder, { recursive: true });
  const file = await Deno.open(logFile ?? `${logFolder}/stack.log`, { append: true, create: true });
  let isOpen = true;
  disposers.push(() => {
    isOpen = false;
    file.close();
  });
  return (line) => {
    if (!isOpen) return;
    file.writeSync(new TextEncoder().encode(`${new Date().toISOString()} ${line}\n`));
  };
}

async function openDatabase(
  options: StackOptions,
  folder: string,
  port: number,
  onLost: (line: string) => void,
  disposers: Disposer[],
): Promise<string> {
  if (options.databaseUrl !== undefined) {
    const url = new URL(options.databaseUrl);
    if (options.database !== undefined) url.pathname = `/${encodeURIComponent(options.database)}`;
    return url.toString();
  }
  const server = await startPostgres({
    dataDir: folder,
    port,
    onProgress: options.onProgress,
    onLost,
  });
  disposers.push(() => server.stop());
  if (options.database === undefined || options.database === "postgres") return server.url;
  await createDatabase(server.url, options.database).catch((error) => {
    const isThere = error instanceof postgres.PostgresError && error.code === "42P04";
    if (!isThere) throw error;
  });
  return server.urlFor(options.database);
}

interface LoopListener {
  onEvent: (line: string) => void;
  onSchemaChange: () => void;
}

async function startLoops(
  adminUrl: string,
  prepared: PreparedDatabase,
  switches: LoopSwitches,
  { onEvent, onSchemaChange }: LoopListener,
  disposers: Disposer[],
): Promise<(loops: LoopSwitches) => Promise<void>> {
  const open = (max: number, role?: string) =>
    postgres(adminUrl, {
      max,
      fetch_types: false,
      idle_timeout: 60,
      backoff: () => 0.1,
      onnotice: () => {},
      connection: {
        application_name: "local-stack-loops",
        ...(role === undefined ? {} : { role }),
      },
    });
  const sql = open(8);
  disposers.push(() => sql.end({ timeout: 1 }));
  const net = new NetLoop(sql, switches.net ?? true, onEvent);
  disposers.push(() => net.stop());
  const openSession = (username: string) => open(1, username);
  const cron = new CronLoop(sql, openSession, switches.cron ?? true, onEvent);
  disposers.push(() => cron.stop());
  const reload = () => {
    cron.reload().catch((error) => onEvent(`pg_cron: ${error}`));
  };
  await Promise.all([
    sql.listen("pgrst", onSchemaChange, onSchemaChange),
    // The third argument runs at every (re)connection: notifications may have been missed.
    prepared.hasRealNet || sql.listen("stack_net", () => net.wake(), () => net.wake()),
    prepared.hasRealCron || sql.listen("stack_cron", reload, reload),
  ]);
  return async (loops) => {
    if (loops.net !== undefined) {
      if (prepared.hasRealNet) throw new Error("cannot switch the real pg_net on or off");
      net.switch(loops.net);
    }
    if (loops.cron === undefined) return;
    if (prepared.hasRealCron) await sql`update cron.job set active = ${loops.cron}`;
    else cron.switch(loops.cron);
  };
}

function platformEnvironment(
  url: string,
  databaseUrl: string,
  keyRing: KeyRing,
): Record<string, string> {
  const { publishable, secret, anonJwt, serviceRoleJwt } = keyRing.keys;
  return {
    SUPABASE_URL: url,
    SUPABASE_DB_URL: databaseUrl,
    SUPABASE_ANON_KEY: anonJwt,
    SUPABASE_SERVICE_ROLE_KEY: serviceRoleJwt,
    SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: publishable }),
    SUPABASE_SECRET_KEYS: JSON.stringify({ default: secret }),
    SUPABASE_JWKS: JSON.stringify(keyRing.jwks),
    SB_REGION: "local",
  };
}

async function disposeAll(disposers: Disposer[]): Promise<void> {
  let failure: unknown;
  for (const dispose of disposers.reverse()) {
    try {
      await dispose();
    } catch (error) {
      failure ??= error;
    }
  }
  if (failure !== undefined) throw failure;
}
