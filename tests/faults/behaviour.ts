// What an agent does on one call, made of the seed and the call's name alone. Pure.
import type { AgentKind } from "./plan.ts";
import { createRandom, hashText } from "./random.ts";

export interface Behaviour {
  fault: AgentKind | null;
  /** How long the agent works before that. */
  workMs: number;
}

/** The share of calls that meet each kind of fault; what keeps a caller waiting is rarer. */
const SHARES: Record<AgentKind, number> = {
  agent_hangs: 0.01,
  agent_late: 0.01,
  agent_twice: 0.5,
  agent_drops_before: 0.02,
  agent_drops_middle: 0.02,
  agent_500: 0.04,
  agent_503: 0.01,
  agent_429: 0.01,
};

/** They answer with their 202 in time; what may go wrong is their callback, and how it comes. */
const ASYNC_KINDS: ReadonlySet<AgentKind> = new Set(["agent_twice", "agent_500", "agent_hangs"]);
const WORK_MAX_MS = 40;

export function chooseBehaviour({ seed, name, kinds, isAsync }: {
  seed: number;
  name: string;
  kinds: readonly AgentKind[];
  isAsync: boolean;
}): Behaviour {
  const random = createRandom(seed ^ hashText(name));
  const workMs = Math.round(random() * WORK_MAX_MS);
  let dice = random();
  for (const kind of kinds) {
    if (isAsync ? !ASYNC_KINDS.has(kind) : kind === "agent_twice") continue;
    if (dice < SHARES[kind]) return { fault: kind, workMs };
    dice -= SHARES[kind];
  }
  return { fault: null, workMs };
}
