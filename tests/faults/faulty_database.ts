// A PostgreSQL server of the suite's own on a bounded disk, that is stopped in every way it can be and
// started again on the same port.
import postgres from "postgres";
import { type StartedPostgres, startPostgres } from "../../scripts/stack/mod.ts";
import { type BoundedDisk, openBoundedDisk } from "./bounded_disk.ts";
import { pause } from "./pause.ts";
import { listServerPids } from "./server_pids.ts";

export type StopMode = "smart" | "fast" | "immediate";

const SIGNALS: Record<StopMode, Deno.Signal> = {
  smart: "SIGTERM",
  fast: "SIGINT",
  immediate: "SIGQUIT",
};

/** A smart stop waits for the last client to leave. */
const SMART_PATIENCE_MS = 500;
/** Bounds a failure only. */
const STOP_PATIENCE_MS = 30_000;

export class FaultyDatabase {
  #server: StartedPostgres;
  #isDown = false;
  private constructor(server: StartedPostgres, readonly disk: BoundedDisk) {
    this.#server = server;
  }

  static async start(megabytes: number, say: (line: string) => void): Promise<FaultyDatabase> {
    const disk = await openBoundedDisk(megabytes);
    try {
      return new FaultyDatabase(await startOn(disk.folder, undefined, say), disk);
    } catch (error) {
      await disk.remove();
      throw error;
    }
  }

  get url(): string {
    return this.#server.url;
  }

  get port(): number {
    return this.#server.port;
  }

  /**
   * Asks as the superuser, past the proxy. Over a connection of its own each time: one that lived through
   * a fault may have its end, or another query's, still to tell.
   */
  async ask<T>(use: (sql: postgres.Sql) => Promise<T>): Promise<T> {
    const sql = postgres(this.#server.url, {
      max: 1,
      connect_timeout: 5,
      onnotice: () => {},
    });
    try {
      return await use(sql);
    } finally {
      await sql.end({ timeout: 1 });
    }
  }

  /** Stops the server; `leave` ends what clients a smart stop would wait for. */
  async stop(mode: StopMode, leave: () => void): Promise<void> {
    this.#isDown = true;
    const [pid] = this.listPids();
    if (pid === undefined) return;
    Deno.kill(pid, SIGNALS[mode]);
    if (mode === "smart") {
      await pause(SMART_PATIENCE_MS);
      leave();
    }
    for (const until = Date.now() + STOP_PATIENCE_MS; isAlive(pid);) {
      if (Date.now() > until) throw new Error(`PostgreSQL did not stop: ${mode}, process ${pid}`);
      leave();
      await pause(50);
    }
  }

  /** Starts the server if it is not there, be it that it was stopped or that it gave up. */
  async ensureUp(): Promise<void> {
    const [pid] = this.listPids();
    if (!this.#isDown && pid !== undefined && isAlive(pid)) return;
    // The shell around the old server may still hold its end.
    await this.#server.stop();
    this.#server = await startOn(this.disk.folder, this.#server.port, () => {});
    this.#isDown = false;
  }

  /** The server's processes, the first one above the others. */
  listPids(): number[] {
    return listServerPids(this.disk.folder);
  }

  /** `isLogNext`: the write-ahead log needs a new file at once, without which the server gives up. */
  async fillDisk(isLogNext: boolean): Promise<void> {
    await this.disk.fill(this.listPids());
    if (isLogNext) await this.ask((sql) => sql`select pg_switch_wal()`).catch(() => {});
  }

  /** How often the server found no room, as it says itself. */
  countDiskErrors(): number {
    const log = Deno.readTextFileSync(this.#server.logFile);
    return log.match(/No space left on device|File too large/g)?.length ?? 0;
  }

  async freeDisk(): Promise<void> {
    await this.disk.free(this.listPids());
    await this.ensureUp();
  }

  async close(): Promise<void> {
    await this.#server.stop();
    await this.disk.remove();
  }
}

function startOn(
  folder: string,
  port: number | undefined,
  onProgress: (line: string) => void,
): Promise<StartedPostgres> {
  return startPostgres({
    dataDir: folder,
    port,
    onProgress,
    // Little WAL is kept, so that a full disk is met soon and a restart is short.
    settings: { max_wal_size: "128MB", wal_recycle: "off", restart_after_crash: "on" },
  });
}

function isAlive(pid: number): boolean {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/comm`).startsWith("postgres");
  } catch {
    return false;
  }
}
