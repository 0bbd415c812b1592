// Plays a case on an engine, the model or the database, in an order that the case alone decides, and
// writes down what the engine answers. Two engines that keep the same promises write the same lines.
import { type Case, isUndo, type Script, type Verdict } from "./case.ts";

export interface Ruling {
  job: string;
  /** The how-many-th lease of the job this is, from 1. */
  lease: number;
  verdict: Verdict;
}

/** What became of a ruling. */
export interface Settled {
  job: string;
  /** False: the lease was no longer the worker's. */
  isApplied: boolean;
  /** What the agent was given; left out where no agent is called. */
  called?: unknown;
}

/** Plays one run; every answer may come at once or later. */
export interface Engine {
  /** Leases all that is due now. */
  lease(): string[] | Promise<string[]>;
  /** Settles leases in one call; `leasesNext`: what is due then may be leased by the same call. */
  settle(rulings: Ruling[], leasesNext: boolean): Settled[] | Promise<Settled[]>;
  /** The worker of this lease is not heard of again, and the lease runs out; the others' go on. */
  lose(job: string): void | Promise<void>;
  cancel(): void | Promise<void>;
  isOver(): boolean | Promise<boolean>;
  /** A line for the run and one for each job, in an order of their names. */
  describe(): string[] | Promise<string[]>;
}

/** No case needs as many: the script is played over and over otherwise. */
const MOST_TURNS = 2_000;

/** Plays a case to its end; answers everything that was seen, line by line. */
export async function play({ script }: Pick<Case, "script">, engine: Engine): Promise<string[]> {
  const player = new Player(script, engine);
  for (let turn = 0; turn < MOST_TURNS; turn++) {
    if (!await player.takeTurn(turn)) return [...player.lines, ...await engine.describe()];
  }
  return [...player.lines, `still going after ${MOST_TURNS} turns`];
}

class Player {
  readonly lines: string[] = [];
  readonly #script: Script;
  readonly #engine: Engine;
  /** How often each job was leased. */
  readonly #leases = new Map<string, number>();
  #held: string[] = [];
  #isCancelled = false;

  constructor(script: Script, engine: Engine) {
    this.#script = script;
    this.#engine = engine;
  }

  /** False: nothing is left to do. */
  async takeTurn(turn: number): Promise<boolean> {
    if (this.#mustLease(turn)) await this.#lease();
    if (this.#mustCancel(turn)) await this.#cancel();
    if (this.#held.length === 0) {
      const isOver = await this.#engine.isOver();
      this.lines.push(isOver ? "over" : "stuck: nothing is due and the run is not over");
      return false;
    }
    const batch = pick(this.#held, this.#script, turn);
    this.#held = this.#held.filter((job) => !batch.includes(job));
    await this.#end(batch, this.#mustLease(turn + 1));
    return true;
  }

  #mustLease(turn: number): boolean {
    return this.#held.length === 0 || atTurn(this.#script.isEager, turn, true);
  }

  async #lease(): Promise<void> {
    const leased = (await this.#engine.lease()).toSorted(byName);
    if (leased.length === 0) return;
    for (const job of leased) this.#leases.set(job, (this.#leases.get(job) ?? 0) + 1);
    this.#held = [...this.#held, ...leased].toSorted(byName);
    this.lines.push(`leased ${leased.join(", ")}`);
  }

  #mustCancel(turn: number): boolean {
    const { cancelAt } = this.#script;
    if (this.#isCancelled) return false;
    return cancelAt === "undo" ? this.#held.some(isUndo) : cancelAt === turn;
  }

  async #cancel(): Promise<void> {
    await this.#engine.cancel();
    this.#isCancelled = true;
    this.lines.push("cancelled");
  }

  /** Settles what has a result, in one call, and lets the rest be lost. */
  async #end(batch: string[], leasesNext: boolean): Promise<void> {
    const rulings = batch.map((job): Ruling => {
      const lease = this.#leases.get(job)!;
      return { job, lease, verdict: this.#script.verdicts[job]?.[lease - 1] ?? "success" };
    });
    const results = rulings.filter(({ verdict }) => verdict !== "lost");
    if (results.length > 0) {
      const settled = await this.#engine.settle(results, leasesNext);
      this.lines.push(...settled.map(tell));
    }
    for (const { job, verdict } of rulings) {
      if (verdict !== "lost") continue;
      await this.#engine.lose(job);
      this.lines.push(`lost ${job}`);
    }
  }
}

function atTurn<T>(choices: T[], turn: number, otherwise: T): T {
  return choices.length === 0 ? otherwise : choices[turn % choices.length];
}

function pick(held: string[], script: Script, turn: number): string[] {
  const from = atTurn(script.picks, turn, 0) % held.length;
  const [first, ...others] = [...held.slice(from), ...held.slice(0, from)];
  if (script.alone.includes(first)) return [first];
  const more = others.filter((job) => !script.alone.includes(job));
  return [first, ...more.slice(0, atTurn(script.batches, turn, 1) - 1)];
}

function tell({ job, isApplied, called }: Settled): string {
  const call = called === undefined ? "" : `, called with ${writeJson(called)}`;
  return `${isApplied ? "settled" : "came late"} ${job}${call}`;
}

export function byName(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}

/** JSON with the members in an order of their names. */
export function writeJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    const isObject = typeof part === "object" && part !== null && !Array.isArray(part);
    if (!isObject) return part;
    return Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => byName(a, b)));
  });
}

export interface JobEnd {
  job: string;
  status: string;
  skipReason: string | null;
  errorClass: string | null;
  /** Attempts that were made, by their records. */
  attempts: number;
  output: unknown;
}

/** One line of a final state. */
export function describeJob({ job, status, skipReason, errorClass, attempts, output }: JobEnd) {
  const parts = [`${job}: ${status}`];
  if (skipReason !== null) parts.push(`(${skipReason})`);
  if (errorClass !== null) parts.push(`(${errorClass})`);
  parts.push(`after ${attempts} attempts`);
  if (status === "success") parts.push(writeJson(output));
  return parts.join(" ");
}
