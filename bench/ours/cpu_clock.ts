// Who used the CPU while steps ran over HTTP: the worker's function, the agents', Postgres, and the process
// of the benchmark, in which the gateway and the Data API run and which itself only waits meanwhile.
import type { Stack } from "../../scripts/stack/mod.ts";
import type { BenchDatabase } from "../database.ts";
import { readCpuSeconds } from "../machine.ts";

export const CPU_USERS = ["worker", "agent", "gateway", "postgres"] as const;
export type CpuUse = Record<typeof CPU_USERS[number], number>;

export class CpuClock {
  readonly #database: BenchDatabase;
  readonly #stack: Stack;
  readonly #before = new Map<number, number>();

  private constructor(database: BenchDatabase, stack: Stack) {
    this.#database = database;
    this.#stack = stack;
  }

  static async start(database: BenchDatabase, stack: Stack): Promise<CpuClock> {
    const clock = new CpuClock(database, stack);
    for (const pids of Object.values(await clock.#listPids())) {
      for (const pid of pids) clock.#before.set(pid, await readCpuSeconds(pid));
    }
    return clock;
  }

  /** CPU seconds since the start; a process that came later counts from its birth. */
  async read(): Promise<CpuUse> {
    const use = { worker: 0, agent: 0, gateway: 0, postgres: 0 };
    const pids = await this.#listPids();
    for (const user of CPU_USERS) {
      for (const pid of pids[user]) {
        use[user] += await readCpuSeconds(pid) - (this.#before.get(pid) ?? 0);
      }
    }
    return use;
  }

  async #listPids(): Promise<Record<keyof CpuUse, number[]>> {
    const { orchestrator, "agent-proxy": agent } = this.#stack.functionPids();
    return {
      worker: [orchestrator].filter((pid) => pid !== undefined),
      agent: [agent].filter((pid) => pid !== undefined),
      gateway: [Deno.pid],
      postgres: await this.#listServerPids(),
    };
  }

  // Without the postmaster, which only waits. A server on another machine has none of these processes here.
  async #listServerPids(): Promise<number[]> {
    const rows = await this.#database.admin<{ pid: number }[]>`
      select pid from pg_stat_activity
      where datname is null or datname = current_database()
      order by pid`;
    const isHere = await Promise.all(rows.map(({ pid }) => isPostgres(pid)));
    return rows.map(({ pid }) => pid).filter((_, at) => isHere[at]);
  }
}

async function isPostgres(pid: number): Promise<boolean> {
  const name = await Deno.readTextFile(`/proc/${pid}/comm`).catch(() => "");
  return name.startsWith("postgres");
}
