// Which faults come when: made of a seed alone, so that the same seed gives the same plan. Pure.
import { createRandom, pickFrom, type Random, shuffle } from "./random.ts";

/** What is done to processes, connections, the disk and the gateway, by name. */
export const PLANNED_KINDS = [
  "worker_killed",
  "worker_frozen",
  "clock_forward",
  "clock_back",
  "postgres_smart",
  "postgres_fast",
  "postgres_immediate",
  "backends_killed",
  "database_reset",
  "database_silent",
  "gateway_502",
  "gateway_503",
  "gateway_504",
  "gateway_reset",
  "gateway_silent",
  "gateway_twice",
  "rings_lost",
  "ticks_lost",
  "disk_full",
] as const;

/** What agents do to those who call them; they do it all the time. */
export const AGENT_KINDS = [
  "agent_hangs",
  "agent_late",
  "agent_twice",
  "agent_drops_before",
  "agent_drops_middle",
  "agent_500",
  "agent_503",
  "agent_429",
] as const;

export type PlannedKind = (typeof PLANNED_KINDS)[number];
export type AgentKind = (typeof AGENT_KINDS)[number];
export type FaultKind = PlannedKind | AgentKind;

export const FAULT_KINDS: readonly FaultKind[] = [...PLANNED_KINDS, ...AGENT_KINDS];

export interface PlannedFault {
  kind: PlannedKind;
  /** From the start of the load. */
  atMs: number;
  /** From 0 up to 1: which worker, how long, how many. */
  dice: number;
}

export interface PlanOptions {
  seed: number;
  /** How long the load lasts. */
  lastsMs: number;
  kinds: readonly PlannedKind[];
  /** Between two faults. */
  gapMs: number;
}

/** At the beginning and at the end the load is left alone, so that every fault meets work. */
const QUIET_MS = 1_500;

/** Every kind comes in turn, in an order of its own each turn, until the time is over. */
export function planFaults({ seed, lastsMs, kinds, gapMs }: PlanOptions): PlannedFault[] {
  const random = createRandom(seed);
  const faults: PlannedFault[] = [];
  let turn: PlannedKind[] = [];
  for (let atMs = QUIET_MS; atMs < lastsMs - QUIET_MS && kinds.length > 0; atMs += gapMs) {
    if (turn.length === 0) turn = shuffle(kinds, random);
    faults.push({
      kind: turn.pop()!,
      atMs: Math.round(atMs + wobble(gapMs, random)),
      dice: random(),
    });
  }
  return faults;
}

function wobble(gapMs: number, random: Random): number {
  return pickFrom([0, 0.1, 0.2, 0.3], random) * gapMs;
}
