// Runs a real PostgreSQL server for the stack and for tests: makes its data folder once, starts it
// in a way that it cannot outlive this process, creates and drops databases on it.
import postgres from "postgres";
import { SERVER_USER, waitForServerEnd } from "./data_folder.ts";
import { keepRunning, type RunningServer } from "./keep_running.ts";
import { KeyRing } from "./keys.ts";
import { quoteName } from "./sql_text.ts";
import { ensureTools } from "./tools.ts";

export interface PostgresOptions {
  /** Folder of the data; without one a temporary folder is used and removed at the end. */
  dataDir?: string;
  /** Port to take if it is free; another free one is taken otherwise. */
  port?: number;
  /** False trades safety after a power cut for speed; figures are honest only with true (default). */
  fsync?: boolean;
  /** Server settings besides these, or in place of the stack's own. */
  settings?: Record<string, string>;
  onProgress?: (line: string) => void;
  /** With it, and a folder of its own, a server that ends by itself is started again, and this is told. */
  onLost?: (line: string) => void;
}

export interface StartedPostgres {
  /** Superuser's URL of the database `postgres`. */
  url: string;
  port: number;
  logFile: string;
  /** Superuser's URL of another database of this server. */
  urlFor(database: string): string;
  createDatabase(name: string, template?: string): Promise<void>;
  dropDatabase(name: string): Promise<void>;
  stop(): Promise<void>;
}

const MAJOR_VERSION = "17";
const SUPERUSER = "supabase_admin";

// The server's only tie to us is this shell's standard input: its end, however we end, stops the
// server. The shell does nothing else, so it cannot hang.
const GUARD = `
exec 3<&0
"$@" </dev/null >>"$STACK_LOG" 2>&1 3<&- &
server=$!
(read -r _ <&3; kill -INT $server 2>/dev/null) &
guard=$!
wait $server
code=$?
kill $guard 2>/dev/null
[ -z "$STACK_REMOVE" ] || rm -rf "$STACK_REMOVE"
exit $code`;

/** Starts PostgreSQL 17 and resolves when it accepts connections. */
export async function startPostgres(options: PostgresOptions = {}): Promise<StartedPostgres> {
  const tools = await ensureTools(options.onProgress);
  const folder = options.dataDir ??
    (await Deno.makeTempDir({ prefix: "stack-postgres-", dir: "/var/tmp" }));
  if (options.dataDir === undefined && SERVER_USER.uid !== undefined) {
    await Deno.chown(folder, SERVER_USER.uid, SERVER_USER.gid);
  }
  const databaseFolder = `${folder}/pg`;
  const { databasePassword } = (await KeyRing.load(folder)).stored;
  if (await needsInitdb(databaseFolder)) {
    options.onProgress?.("creating the database");
    await initialise(tools.postgresBin, folder, databasePassword);
  }
  // Before a port is picked: the one that an ending server still holds is the one that we want.
  await waitForServerEnd(databaseFolder);
  const port = pickPort(options.port);
  const logFile = `${databaseFolder}/server.log`;
  const launch = () =>
    launchServer({
      postgresBin: tools.postgresBin,
      databaseFolder,
      logFile,
      removedAtEnd: options.dataDir === undefined ? folder : "",
      settings: makeSettings({
        port,
        databaseFolder,
        fsync: options.fsync ?? true,
        settings: options.settings ?? {},
      }),
    });
  const launched = await launch();
  const { onLost } = options;
  const server = onLost === undefined
    ? launched
    : keepRunning(launched, { name: "PostgreSQL", start: launch, tell: onLost });

  const urlFor = (database: string) =>
    `postgresql://${SUPERUSER}:${databasePassword}@127.0.0.1:${port}/${
      encodeURIComponent(database)
    }`;
  let stopping: Promise<void> | undefined;
  return {
    url: urlFor("postgres"),
    port,
    logFile,
    urlFor,
    createDatabase: (name, template) => createDatabase(urlFor("postgres"), name, template),
    dropDatabase: (name) => dropDatabase(urlFor("postgres"), name),
    stop: () => stopping ??= server.stop(),
  };
}

interface Launch {
  postgresBin: string;
  databaseFolder: string;
  logFile: string;
  /** Folder that goes with the server; empty: none. */
  removedAtEnd: string;
  settings: string[];
}

async function launchServer(launch: Launch): Promise<RunningServer> {
  const { databaseFolder, logFile } = launch;
  await waitForServerEnd(databaseFolder);
  // A server that was killed leaves its file behind, and waitUntilReady would believe it.
  await Deno.remove(`${databaseFolder}/postmaster.pid`).catch(() => {});
  const child = new Deno.Command("sh", {
    args: ["-c", GUARD, "sh", `${launch.postgresBin}/postgres`, ...launch.settings],
    env: { STACK_LOG: logFile, STACK_REMOVE: launch.removedAtEnd },
    cwd: "/",
    stdin: "piped",
    stdout: "null",
    stderr: "null",
    // Its own session: Ctrl-C in a terminal must reach the stack alone, which stops things in order.
    detached: true,
    ...SERVER_USER,
  }).spawn();
  const lifeline = child.stdin.getWriter();
  const ended = child.status.then(() => lifeline.close().catch(() => {}));
  await waitUntilReady(child, databaseFolder, logFile);
  return {
    ended,
    stop: async () => {
      await lifeline.close().catch(() => {});
      await ended;
    },
  };
}

/** Returns the wanted port if nobody listens there, else a free one. */
export function pickPort(wanted = 0): number {
  for (const port of [wanted, 0]) {
    try {
      const listener = Deno.listen({ hostname: "127.0.0.1", port });
      listener.close();
      return listener.addr.port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new Error("cannot find a free port");
}

/** Creates a database on any server, as a copy of `template` where one is named. */
export async function createDatabase(url: string, name: string, template?: string): Promise<void> {
  await useAdmin(url, async (sql) => {
    const owners = await sql`select 1 from pg_roles where rolname = 'postgres'`;
    await sql.unsafe(
      `create database ${quoteName(name)} template ${quoteName(template ?? "template1")}` +
        (owners.length > 0 ? " owner postgres" : ""),
    );
  });
}

/** Drops a database if it is there, and ends its connections. */
export async function dropDatabase(url: string, name: string): Promise<void> {
  await useAdmin(
    url,
    (sql) => sql.unsafe(`drop database if exists ${quoteName(name)} with (force)`),
  );
}

async function useAdmin(url: string, use: (sql: postgres.Sql) => Promise<unknown>): Promise<void> {
  const sql = postgres(url, { max: 1, fetch_types: false, onnotice: () => {} });
  try {
    await use(sql);
  } finally {
    await sql.end();
  }
}

async function needsInitdb(databaseFolder: string): Promise<boolean> {
  const read = async (path: string) => {
    try {
      return await Deno.readTextFile(`${databaseFolder}/${path}`);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  };
  try {
    await Deno.lstat(databaseFolder);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    throw error;
  }
  const version = (await read("PG_VERSION"))?.trim();
  const remedy = "throw it away and start anew with: deno task start --reset";
  if (version === undefined || (await read("global/pg_control")) === undefined) {
    throw new Error(`cannot use the database in ${databaseFolder}: it is incomplete; ${remedy}`);
  }
  if (version !== MAJOR_VERSION) {
    throw new Error(
      `cannot use the database in ${databaseFolder}: PostgreSQL ${version} made it and this stack ` +
        `runs ${MAJOR_VERSION}; ${remedy}`,
    );
  }
  return false;
}

// Made beside its place and renamed, so that an interrupted first start leaves nothing half done.
async function initialise(bin: string, folder: string, password: string): Promise<void> {
  const draft = `${folder}/pg.draft`;
  await Deno.remove(draft, { recursive: true }).catch(() => {});
  await Deno.mkdir(draft, { mode: 0o700 });
  const passwordFile = `${folder}/pg.password`;
  await Deno.writeTextFile(passwordFile, password, { mode: 0o600 });
  if (SERVER_USER.uid !== undefined) {
    for (const path of [draft, passwordFile]) {
      await Deno.chown(path, SERVER_USER.uid, SERVER_USER.gid);
    }
  }
  // A password and not trust, although only this machine can connect: a superuser may run programs,
  // so trust would give every local user the rights of whoever started the stack.
  const output = await new Deno.Command(`${bin}/initdb`, {
    args: [
      ...["-D", draft, "-U", SUPERUSER, "--pwfile", passwordFile, "--auth=scram-sha-256"],
      ...["--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8", "--no-sync"],
    ],
    cwd: draft,
    stdin: "null",
    ...SERVER_USER,
  }).output();
  await Deno.remove(passwordFile);
  if (!output.success) {
    const reason = new TextDecoder().decode(output.stderr).trim();
    throw new Error(`cannot create the database in ${folder}: initdb failed\n${reason}`);
  }
  await Deno.rename(draft, `${folder}/pg`);
}

function makeSettings(
  options: {
    port: number;
    databaseFolder: string;
    fsync: boolean;
    settings: Record<string, string>;
  },
): string[] {
  const settings = {
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    max_connections: "100",
    shared_buffers: "128MB",
    fsync: options.fsync ? "on" : "off",
    full_page_writes: options.fsync ? "on" : "off",
    // Rare checkpoints: a restart may take a second longer, and benchmarks are not disturbed.
    checkpoint_timeout: "15min",
    max_wal_size: "2GB",
    // Compiling plans costs more than it saves on statements of a millisecond.
    jit: "off",
    log_line_prefix: "%m [%p] %u@%d ",
    "cluster_name": "local-stack",
    ...options.settings,
  };
  return [
    "-D",
    options.databaseFolder,
    "-p",
    String(options.port),
    ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ];
}

async function waitUntilReady(
  child: Deno.ChildProcess,
  databaseFolder: string,
  logFile: string,
): Promise<void> {
  let ended = false;
  child.status.then(() => ended = true);
  const readStatus = async () => {
    try {
      return (await Deno.readTextFile(`${databaseFolder}/postmaster.pid`)).split("\n")[7]?.trim();
    } catch {
      return undefined;
    }
  };
  while ((await readStatus()) !== "ready") {
    if (ended) {
      const tail = (await Deno.readTextFile(logFile).catch(() => "")).trim().split("\n").slice(-5);
      throw new Error(
        `cannot start PostgreSQL: it stopped at once; the end of ${logFile}:\n${tail.join("\n")}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
