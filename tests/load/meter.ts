// Memory and CPU time of all that takes part, by name, and how far the database is.
import { readCpuSeconds } from "../../bench/machine.ts";
import { measureWorkers, readMemory, type Sample } from "../faults/samples.ts";
import { listServerPids } from "../faults/server_pids.ts";
import type { LoadStack } from "./load_stack.ts";

/** The process of this command: the stack's gateway and Data API, and the caller. */
const GATEWAY = "gateway and Data API";
const AGENT = "agent";
/** All processes of the server, without what they share. */
const SERVER = "PostgreSQL";
const WORKERS = "workers";

/** CPU seconds by who used them; the workers are told as one. */
export type CpuUse = Record<typeof WORKERS | typeof SERVER | typeof GATEWAY | typeof AGENT, number>;

export interface Progress extends Sample {
  attempts: number;
}

export async function takeSample(system: LoadStack, startedAt: number): Promise<Progress> {
  const { fleet, agent, dataFolder, sql } = system;
  const [row] = await sql<{ bytes: string; ended: number; attempts: number }[]>`
    select pg_database_size(current_database()) as bytes,
      (select count(*)::integer from workflow_runs where status <> 'running') as ended,
      (select count(*)::integer from job_attempts) as attempts`;
  return {
    atMs: Date.now() - startedAt,
    memoryBytes: new Map([
      ...measureWorkers(fleet.listPids()),
      [SERVER, sum(listServerPids(dataFolder).map((pid) => readMemory(pid, "RssAnon") ?? 0))],
      [GATEWAY, readMemory(Deno.pid, "VmRSS") ?? 0],
      [AGENT, readMemory(agent.pid, "VmRSS") ?? 0],
    ]),
    databaseBytes: Number(row.bytes),
    endedRuns: row.ended,
    attempts: row.attempts,
  };
}

/** Since each process began; those of the server that have ended are counted with the first one. */
export async function readCpuUse({ fleet, agent, dataFolder }: LoadStack): Promise<CpuUse> {
  const readAll = async (pids: number[]) =>
    sum(await Promise.all(pids.map((pid) => readCpuSeconds(pid).catch(() => 0))));
  const server = listServerPids(dataFolder);
  return {
    [WORKERS]: await readAll([...fleet.listPids().values()]),
    [SERVER]: await readAll(server) + readReapedSeconds(server[0]),
    [GATEWAY]: await readAll([Deno.pid]),
    [AGENT]: await readAll([agent.pid]),
  };
}

export function subtractUse(after: CpuUse, before: CpuUse): CpuUse {
  const use = { ...after };
  for (const who of Object.keys(use) as (keyof CpuUse)[]) use[who] -= before[who];
  return use;
}

/** CPU seconds of a process's children that have ended (Linux: clock ticks of 10 ms). */
function readReapedSeconds(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, it) => total + it, 0);
}
