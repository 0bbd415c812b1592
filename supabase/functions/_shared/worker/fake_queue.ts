// For this folder's tests only: a clock that tests set, and a queue in memory that behaves as the
// database's functions do, as far as a drain can tell.
import { OrchestratorError } from "../contract/errors.ts";
import { readSettings, type Settings } from "../contract/settings.ts";
import type { StepConfig } from "../contract/compiled_workflow.ts";
import type { JobStatus } from "../contract/statuses.ts";
import type {
  HeldLease,
  JobResult,
  Lease,
  LeasedJob,
  Outcome,
  SettledJob,
} from "../database/rows.ts";
import type { Clock } from "./clock.ts";
import type { Attempt, DrainRpc, DrainSeam } from "./drain_seam.ts";
import { NO_LEASE } from "./settle.ts";

export class FakeClock implements Clock {
  #now = 1_000_000;
  #timers = new Map<object, { at: number; run: () => void }>();

  now(): number {
    return this.#now;
  }

  setTimer(ms: number, run: () => void): () => void {
    const id = {};
    this.#timers.set(id, { at: this.#now + ms, run });
    return () => this.#timers.delete(id);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.setTimer(ms, resolve));
  }

  /** Moves time from timer to timer until the work is done; everything due at once runs first. */
  async runUntil<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    const settled = work.finally(() => isDone = true);
    settled.catch(() => {});
    for (let turn = 0; turn < 100_000; turn++) {
      await settlePromises();
      if (isDone) return await settled;
      const next = [...this.#timers].sort(([, a], [, b]) => a.at - b.at)[0];
      if (next === undefined) throw new Error("nothing is left to wait for");
      this.#timers.delete(next[0]);
      this.#now = Math.max(this.#now, next[1].at);
      next[1].run();
    }
    throw new Error("the work never ends");
  }
}

/** Lets every promise chain without a timer go as far as it can. */
export async function settlePromises(): Promise<void> {
  for (let turn = 0; turn < 100; turn++) await null;
}

interface FakeJob {
  id: number;
  dueAt: number;
  config: StepConfig;
  state: "ready" | "leased" | "success" | "dead" | "skipped" | "parked";
  token: string;
  attempts: number;
}

/** What a job is after an outcome that was applied. */
const STATE_OF_OUTCOME: Record<Outcome, FakeJob["state"]> = {
  success: "success",
  retry: "ready",
  dead: "dead",
  skip: "skipped",
  skip_run: "skipped",
  park: "parked",
  handle: "success",
};

/** What a test looks at: the name of each call of the database, in order. */
export interface CallRecord {
  name: keyof DrainRpc;
  at: number;
  jobs: number;
  limit: number;
}

export interface AddOptions {
  delayMs?: number;
  timeoutMs?: number;
  /** Instead of a call. */
  config?: StepConfig;
}

export class FakeQueue {
  readonly clock: FakeClock;
  readonly calls: CallRecord[] = [];
  readonly jobs: FakeJob[] = [];
  rings = 0;
  acceptsWorkers = true;
  /** Thrown by every call while set. */
  outage: Error | null = null;
  /** How long each call of the database takes. */
  rpcMs = 0;
  deferNext = 0;
  /** Parked jobs that process_signals makes ready; every lease tells of them until then. */
  readonly signalled: number[] = [];
  onCall: (record: CallRecord) => void = () => {};

  constructor(clock: FakeClock) {
    this.clock = clock;
  }

  add(count: number, options: AddOptions = {}): void {
    const { delayMs = 0, timeoutMs = 15_000, config } = options;
    for (let index = 0; index < count; index++) {
      this.jobs.push({
        id: this.jobs.length + 1,
        dueAt: this.clock.now() + delayMs,
        config: config ?? { call: "/functions/v1/agent", method: "POST", timeout_ms: timeoutMs },
        state: "ready",
        token: "",
        attempts: 0,
      });
    }
  }

  /** Tells of a parked job that may go on. */
  signal(jobId: number): void {
    this.signalled.push(jobId);
  }

  /** Takes a job's lease away, as when it ran out. */
  steal(jobId: number): void {
    this.jobs[jobId - 1].token = "stolen";
  }

  count(state: FakeJob["state"]): number {
    return this.jobs.filter((job) => job.state === state).length;
  }

  countCalls(name: keyof DrainRpc): number {
    return this.calls.filter((call) => call.name === name).length;
  }

  readonly rpc: DrainRpc = {
    startWorker: () => this.#answer("startWorker", () => ({ accepted: this.acceptsWorkers })),
    leaseJobs: ({ limit }) => this.#answer("leaseJobs", () => this.#lease(limit), 0, limit),
    completeJobs: ({ results, leaseLimit = 0 }) =>
      this.#answer(
        "completeJobs",
        () => ({ results: results.map((it) => this.#complete(it)), ...this.#lease(leaseLimit) }),
        results.length,
        leaseLimit,
      ),
    heartbeatJobs: ({ leases }) =>
      this.#answer("heartbeatJobs", () => ({
        lost: leases.filter((it) => !this.#holds(it)).map(({ job_id }) => job_id),
      }), leases.length),
    handBackJobs: ({ leases }) =>
      this.#answer("handBackJobs", () => {
        for (const { job_id } of leases) this.jobs[job_id - 1].state = "ready";
        return { released: leases.length };
      }, leases.length),
    stopWorker: ({ force = false }) =>
      this.#answer("stopWorker", () => ({ stopped: force || this.#listDue().length === 0 })),
    ringWorker: () =>
      this.#answer("ringWorker", () => {
        this.rings++;
        return { rung: true };
      }),
    processSignals: () =>
      this.#answer("processSignals", () => {
        const called = this.signalled.splice(0);
        for (const id of called) this.jobs[id - 1].state = "ready";
        return { processed: called.length };
      }),
  };

  async #answer<T>(name: keyof DrainRpc, run: () => T, jobs = 0, limit = 0): Promise<T> {
    const record = { name, at: this.clock.now(), jobs, limit };
    this.calls.push(record);
    this.onCall(record);
    if (this.rpcMs > 0) await this.clock.sleep(this.rpcMs);
    if (this.outage !== null) throw this.outage;
    return run();
  }

  #listDue(): FakeJob[] {
    return this.jobs.filter((job) => job.state === "ready" && job.dueAt <= this.clock.now());
  }

  #lease(limit: number): Lease {
    const deferred = this.deferNext;
    this.deferNext = 0;
    const jobs = deferred > 0 ? [] : this.#listDue().slice(0, limit);
    for (const job of jobs) {
      Object.assign(job, { state: "leased", token: crypto.randomUUID() });
      job.attempts++;
    }
    const later = this.jobs.filter((job) => job.state === "ready");
    const next = Math.min(...later.map((job) => job.dueAt)) - this.clock.now();
    const next_due_ms = later.length === 0 ? null : Math.max(0, next);
    const signals = this.signalled.length > 0;
    return { ...NO_LEASE, jobs: jobs.map(toLeasedJob), next_due_ms, deferred, signals };
  }

  #complete({ job_id, lease_token, outcome, retry_after_ms = 0 }: JobResult): SettledJob {
    const job = this.jobs[job_id - 1];
    const applied = this.#holds({ job_id, lease_token });
    if (applied) {
      job.state = STATE_OF_OUTCOME[outcome];
      job.dueAt = this.clock.now() + retry_after_ms;
      job.token = "";
    }
    return { job_id, applied, status: toStatus(job.state) };
  }

  #holds({ job_id, lease_token }: HeldLease): boolean {
    return this.jobs[job_id - 1].token === lease_token;
  }
}

function toStatus(state: FakeJob["state"]): JobStatus {
  return state === "ready" ? "failed" : state;
}

function toLeasedJob(job: FakeJob): LeasedJob {
  return createJob({
    job_id: job.id,
    lease_token: job.token,
    step_id: `step_${job.id}`,
    attempt: job.attempts,
    config: job.config,
    idempotency_key: `run:step_${job.id}:0`,
  });
}

/** A leased job as the database hands it out, but for what is given. */
export function createJob(given: Partial<LeasedJob> = {}): LeasedJob {
  return {
    job_id: 1,
    lease_token: "token",
    workflow_run_id: "00000000-0000-7000-8000-000000000001",
    workflow_key: "daily",
    definition_id: 1,
    step_no: 1,
    step_id: "step",
    user_id: "user",
    intent_id: null,
    attempt: 1,
    max_attempts: 5,
    agent: "agent",
    config: { call: "/functions/v1/agent", method: "POST", timeout_ms: 15_000 },
    run_payload: {},
    inputs: {},
    others: null,
    idempotency_key: "run:step:0",
    generation: 0,
    item_index: -1,
    input: null,
    scope: null,
    queued_ms: null,
    parked: null,
    ...given,
  };
}

export const databaseAway = new OrchestratorError("unavailable", "calling: the database is away");

export type Execute = (job: LeasedJob, timeoutMs: number, signal: AbortSignal) => Promise<Attempt>;

/** A seam over the fake queue; settings are the defaults but for those that are given. */
export function createFakeSeam(
  queue: FakeQueue,
  execute: Execute,
  settings: Partial<Settings> = {},
): DrainSeam {
  const defaults = readSettings(() => undefined, {});
  return { rpc: queue.rpc, clock: queue.clock, settings: { ...defaults, ...settings }, execute };
}
