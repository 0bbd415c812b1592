// Memory of the workers and size of the database over time, and whether they stay flat. The judgement
// is pure.

export interface Sample {
  /** From the start of the load. */
  atMs: number;
  /** Memory of each process, or kind of process, that runs, by its name. */
  memoryBytes: ReadonlyMap<string, number>;
  databaseBytes: number;
  endedRuns: number;
}

export interface Trend {
  what: string;
  unit: keyof typeof BREATH;
  /** Means over the second and the last quarter. */
  second: number;
  last: number;
  isFlat: boolean;
}

/** What the last quarter may have more than the second one. */
const FLAT_FACTOR = 1.25;
/** What may be more whatever the share: heaps breathe, and tables grow by pages and autovacuum's moods. */
const BREATH = { MB: 10, KB: 4 };
const MEGABYTE = 1024 * 1024;
const KILOBYTE = 1024;

/** Null: there are too few samples to tell. */
export function readTrends(samples: Sample[]): Trend[] | null {
  if (samples.length < 8) return null;
  const quarter = Math.floor(samples.length / 4);
  const second = samples.slice(quarter, 2 * quarter);
  const last = samples.slice(-quarter);
  const names = new Set(samples.flatMap(({ memoryBytes }) => [...memoryBytes.keys()]));
  const averageMemory = (part: Sample[], name: string) =>
    average(part.flatMap(({ memoryBytes }) => memoryBytes.get(name) ?? [])) / MEGABYTE;
  return [
    ...[...names].toSorted().map((name) =>
      judge(`memory of ${name}`, "MB", averageMemory(second, name), averageMemory(last, name))
    ),
    // History is kept, so the database grows with its runs; each must not cost more than those before.
    judge("database per run", "KB", measureGrowth(second), measureGrowth(last)),
  ];
}

function judge(what: string, unit: Trend["unit"], second: number, last: number): Trend {
  const limit = Math.max(second * FLAT_FACTOR, second + BREATH[unit]);
  return { what, unit, second, last, isFlat: last <= limit };
}

function measureGrowth(part: Sample[]): number {
  const [first, last] = [part[0], part[part.length - 1]];
  const runs = last.endedRuns - first.endedRuns;
  return runs === 0 ? 0 : (last.databaseBytes - first.databaseBytes) / runs / KILOBYTE;
}

function average(numbers: number[]): number {
  return numbers.length === 0 ? 0 : numbers.reduce((sum, it) => sum + it, 0) / numbers.length;
}

/** Resident memory of the worker processes; those that have ended are left out. */
export function measureWorkers(pids: ReadonlyMap<number, number>): Map<string, number> {
  const memory = new Map<string, number>();
  for (const [worker, pid] of pids) {
    const bytes = readMemory(pid, "VmRSS");
    if (bytes !== undefined) memory.set(`worker ${worker}`, bytes);
  }
  return memory;
}

/** `RssAnon` is what a process shares with no other; undefined: it has ended. */
export function readMemory(pid: number, field: "VmRSS" | "RssAnon"): number | undefined {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    const line = status.split("\n").find((line) => line.startsWith(`${field}:`));
    return line === undefined
      ? undefined
      : Number.parseInt(line.slice(field.length + 1)) * KILOBYTE;
  } catch {
    return undefined;
  }
}
