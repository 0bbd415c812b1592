// The loop of a simulation: what a worker, the ticks and the outside world do, one thing after the
// other, with leaps of time in between. Calls overlap in virtual time only: each lands when its
// agent's answer is due.
import { parseDuration } from "../../supabase/functions/_shared/contract/duration.ts";
import type {
  JobResult,
  Lease,
  LeasedJob,
} from "../../supabase/functions/_shared/database/rows.ts";
import { createCounts } from "../../supabase/functions/_shared/worker/drain_seam.ts";
import { settleResults } from "../../supabase/functions/_shared/worker/settle.ts";
import type { Approval, Behaviour, ScriptedEvent } from "./agent_script.ts";
import { Agenda } from "./agenda.ts";
import type { LandedAttempt } from "./describe_attempt.ts";
import type { Engine } from "./engine.ts";
import type { Executor } from "./executor.ts";
import type { Recorder } from "./recorder.ts";
import { listNames } from "./scripted_agents.ts";
import type { VirtualClock } from "./virtual_clock.ts";

const WORKER_ID = "simulation";
/** As many workers as it takes: a simulation shows the workflow, not the size of a deployment. */
const LEASE_LIMIT = 10_000;
/** No call may take as long, so that no lease ends under one. */
const LEASE_MS = 3_600_000;
/** An engine that does this much at one instant goes in a circle. */
const MOST_ROUNDS_AT_ONCE = 50_000;

export interface SimulationParts {
  engine: Engine;
  clock: VirtualClock;
  recorder: Recorder;
  executor: Executor;
  approvals: Record<string, Approval>;
  /** Whose events they are, where the script does not say. */
  userId: string;
}

export class Simulation {
  readonly #parts: SimulationParts;
  readonly #agenda = new Agenda<() => unknown>();
  /** Executed, and not landed yet. */
  readonly #flights = new Map<number, LandedAttempt>();
  /** Jobs that a person has been asked about. */
  readonly #asked = new Set<number>();
  #landed: LandedAttempt[] = [];

  constructor(parts: SimulationParts) {
    this.#parts = parts;
  }

  /** Plans something that the outside world does. */
  plan(afterMs: number, run: () => Promise<unknown>): void {
    this.#agenda.add(this.#parts.clock.now + afterMs, () => this.transact(run));
  }

  /** Plans the events of a script, counted from now. */
  planEvents(events: readonly ScriptedEvent[]): void {
    for (const event of events) {
      this.plan(parseDuration(event.at) ?? 0, () => this.insertEvent(event));
    }
  }

  /** Inserts an event, as the app would. */
  async insertEvent(event: Pick<ScriptedEvent, "type" | "payload" | "user_id">): Promise<void> {
    const { recorder, engine, userId } = this.#parts;
    const { type, payload = {} } = event;
    recorder.note({ what: "event", type, payload });
    await engine.rpc.insertEvent({ userId: event.user_id ?? userId, type, payload });
  }

  /**
   * Runs until nothing is left to do, or until the instant in milliseconds since 1970. A run that is
   * open then waits for what does not come in that time.
   */
  async run(until: number): Promise<void> {
    const { clock } = this.#parts;
    for (;;) {
      const next = await this.#workUntilIdle();
      if (next === null || next > until) return;
      await clock.leapTo(next);
    }
  }

  /** One transaction of the engine, with what it changed; `landed` are the results that it settles. */
  async transact<T>(
    run: () => Promise<T>,
    landed: ReadonlyMap<number, LandedAttempt> = new Map(),
  ): Promise<T> {
    const { engine, recorder } = this.#parts;
    recorder.beginRound();
    const answer = await run();
    const changes = await engine.takeChanges();
    recorder.noteChanges(changes, landed);
    for (const { row_after: row } of changes) {
      if (!("job_id" in row)) continue;
      // Its lease was taken away, as when its run ended: the worker aborts the call.
      if (row.status === "cancelled") this.#flights.delete(row.job_id);
      const attempt = landed.get(row.job_id);
      if (row.status === "parked" && attempt !== undefined) this.#plan(attempt);
    }
    return answer;
  }

  /** Does all that is due at this instant; answers the next one, or null if nothing is planned. */
  async #workUntilIdle(): Promise<number | null> {
    const { engine, clock } = this.#parts;
    for (let round = 0; round < MOST_ROUNDS_AT_ONCE; round++) {
      for (const run of this.#agenda.take(clock.now)) await run();
      const isSettling = this.#landed.length > 0;
      const lease = await this.#exchange();
      for (const job of lease.jobs) await this.#begin(job);
      const { has_signals, next_deadline_ms } = await engine.look();
      if (next_deadline_ms !== null && next_deadline_ms < clock.now) {
        await this.transact(() => engine.call("expire_runs", { p_limit: 1_000 }));
      } else if (has_signals) {
        await this.transact(() => engine.rpc.processSignals());
      } else if (!isSettling && lease.jobs.length === 0 && lease.next_due_ms !== 0) {
        return this.#findNext(lease, next_deadline_ms);
      }
    }
    throw new Error("the simulation goes in a circle: its clock stands still");
  }

  #findNext(lease: Lease, deadline: number | null): number | null {
    const { now } = this.#parts.clock;
    const instants = [
      this.#agenda.nextAt,
      lease.next_due_ms === null ? null : now + lease.next_due_ms,
      // A run is too late once its deadline has passed.
      deadline === null ? null : deadline + 1,
    ].filter((it) => it !== null && Number.isFinite(it)) as number[];
    return instants.length === 0 ? null : Math.min(...instants);
  }

  /** One round trip of the worker: settles what has landed and leases what is due. */
  async #exchange(): Promise<Lease> {
    const { rpc } = this.#parts.engine;
    const landed = this.#landed;
    this.#landed = [];
    if (landed.length === 0) {
      return await this.transact(() =>
        rpc.leaseJobs({ workerId: WORKER_ID, limit: LEASE_LIMIT, leaseMs: LEASE_MS })
      );
    }
    const landings = landed.map(({ job, result }) => ({
      flight: { job, controller: new AbortController(), leaseUntil: Infinity, isLost: false },
      result,
    }));
    return await this.transact(
      () =>
        settleResults(landings, LEASE_LIMIT, {
          rpc,
          workerId: WORKER_ID,
          leaseMs: LEASE_MS,
          counts: createCounts(),
          keep: () => {},
        }),
      new Map(landed.map((it) => [it.job.job_id, it])),
    );
  }

  async #begin(job: LeasedJob): Promise<void> {
    const { clock, recorder, executor } = this.#parts;
    const { attempt, answer } = await executor.execute(job);
    if (answer !== null) recorder.noteCall(job, answer.seen);
    const { job_id } = job;
    const result: JobResult = { ...attempt, ...pickLease(job) };
    const tookMs = answer === null ? null : answer.outcome.durationMs;
    const flight: LandedAttempt = { job, result, tookMs, behaviour: answer?.behaviour };
    this.#flights.set(job_id, flight);
    const land = () => {
      if (this.#flights.get(job_id) !== flight) return;
      this.#flights.delete(job_id);
      this.#landed.push(flight);
    };
    if (tookMs === null || tookMs === 0) land();
    else this.#agenda.add(clock.now + tookMs, land);
  }

  /** A job begins to wait: the script may know who ends that. */
  #plan(attempt: LandedAttempt): void {
    const { clock } = this.#parts;
    const { callback } = attempt.behaviour ?? {};
    const waitsFor = attempt.result.parked?.for;
    if (waitsFor === "callback" && callback !== undefined) {
      const afterMs = parseDuration(callback.after) ?? 0;
      this.#agenda.add(clock.now + afterMs, () => this.#callBack(attempt, callback, afterMs));
    }
    const approval = this.#findApproval(attempt.job);
    if (waitsFor === "event" && approval !== null && !this.#asked.has(attempt.job.job_id)) {
      this.#asked.add(attempt.job.job_id);
      const afterMs = parseDuration(approval.after ?? "0s") ?? 0;
      this.#agenda.add(clock.now + afterMs, () => this.#decide(attempt, approval));
    }
  }

  #findApproval(job: LeasedJob): Approval | null {
    const { approvals } = this.#parts;
    const index = job.item_index >= 0 ? job.item_index : null;
    const name = listNames({ ...job, index }).find((it) => Object.hasOwn(approvals, it));
    return name === undefined ? null : approvals[name];
  }

  /** The agent that took its work with a 202 says how it went. */
  async #callBack(
    { job, tookMs }: LandedAttempt,
    callback: NonNullable<Behaviour["callback"]>,
    afterMs: number,
  ): Promise<void> {
    const { engine, executor } = this.#parts;
    const finished = await executor.finishCallback(job, callback);
    const result: JobResult = { ...finished, ...pickLease(job) };
    const landed = { job, result, tookMs: (tookMs ?? 0) + afterMs };
    const claims = { jobId: job.job_id, generation: job.generation, attempt: job.attempt };
    await this.transact(
      () => engine.rpc.completeCallback({ ...claims, result: finished }),
      new Map([[job.job_id, landed]]),
    );
  }

  /** A person approves or rejects. */
  async #decide({ job, result }: LandedAttempt, approval: Approval): Promise<void> {
    const { approved: isApproved = true, by: actor = "operator", payload = {} } = approval;
    const by = `${isApproved ? "approved" : "rejected"} by ${actor}`;
    await this.transact(
      () => this.#parts.engine.rpc.decideWait({ jobId: job.job_id, isApproved, actor, payload }),
      new Map([[job.job_id, { job, result: { ...result, output: payload }, tookMs: null, by }]]),
    );
  }
}

function pickLease({ job_id, lease_token, attempt }: LeasedJob) {
  return { job_id, lease_token, attempt };
}
