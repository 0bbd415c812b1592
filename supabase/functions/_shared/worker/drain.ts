// The pump of one worker: lease → execute → settle and lease again, until the queue is empty or the
// budget is spent. One call of the database is under way at a time; whatever lands meanwhile is
// settled by the next one, so that slots are refilled singly and nothing waits for the slowest call.
import type { Lease, LeasedJob } from "../database/rows.ts";
import { logEvent } from "../log.ts";
import { Budget } from "./budget.ts";
import type { DrainCounts, DrainEnd, DrainSeam } from "./drain_seam.ts";
import { Flights } from "./flights.ts";
import { Heartbeat } from "./heartbeat.ts";
import { Pace } from "./pace.ts";
import { Registration } from "./registration.ts";
import { isUnavailable, settleResults } from "./settle.ts";
import { Signal } from "./signal.ts";
import { mayCall } from "./step_kind.ts";

export class Drain {
  readonly workerId = crypto.randomUUID();
  readonly #seam: DrainSeam;
  readonly #counts: DrainCounts;
  readonly #signal: Signal;
  readonly #flights: Flights;
  readonly #heartbeat: Heartbeat;
  readonly #budget: Budget;
  readonly #pace: Pace;
  readonly #registration: Registration;
  #ending: "budget" | "unload" | null = null;
  #wasPoked = false;
  /** The successor was called while calls were still in flight here. */
  #isHandedOver = false;
  #isSignalFailing = false;

  constructor(seam: DrainSeam, counts: DrainCounts) {
    this.#seam = seam;
    this.#counts = counts;
    this.#signal = new Signal(seam.clock);
    this.#flights = new Flights(seam, () => this.#signal.raise());
    this.#heartbeat = new Heartbeat(seam, this.workerId, this.#flights);
    this.#budget = new Budget(seam.settings, seam.clock.now());
    this.#pace = new Pace(seam.settings);
    this.#registration = new Registration(seam.rpc, this.workerId);
  }

  /** A wake-up came after the last look at the queue: somebody must look again. */
  get wasPoked(): boolean {
    return this.#wasPoked;
  }

  /** Leases nothing more; only calls in flight are waited for. */
  get isEnding(): boolean {
    return this.#ending !== null;
  }

  /** Jobs may be ready: looks at the queue at once. */
  wake(): void {
    this.#wasPoked = true;
    this.#pace.lookAtOnce();
    this.#pace.linger(this.#now());
    this.#signal.raise();
  }

  /** Somebody waits for the end: from now on an empty queue ends the drain without lingering. */
  hurry(): void {
    this.#pace.hurry();
    this.#signal.raise();
  }

  /** The platform is about to end this isolate: leases nothing more; calls in flight go on. */
  retire(): void {
    this.#ending ??= "unload";
    this.#signal.raise();
  }

  /** Registers the worker; false: enough workers are draining already. */
  async start(): Promise<boolean> {
    return await this.#registration.enter(this.#seam.settings.workerMaxWorkers);
  }

  /** Drains; throws `unavailable` if the database is away and nothing is left to wait for. */
  async run(): Promise<DrainEnd> {
    this.#pace.linger(this.#now());
    try {
      do {
        this.#heartbeat.start();
        await this.#pump();
        await this.#heartbeat.stop();
      } while (!await this.#leave());
      return this.#ending ?? "empty";
    } catch (error) {
      await this.#heartbeat.stop();
      if (!isUnavailable(error)) await this.#registration.abandon();
      throw error;
    }
  }

  async #pump(): Promise<void> {
    while (true) {
      const now = this.#now();
      if (this.#budget.isSpent(now)) this.#ending ??= "budget";
      if (this.#ending !== null && !this.#isHandedOver && this.#flights.inFlight > 0) {
        await this.#handOver();
        continue;
      }
      const limit = this.#countFreeSlots();
      const isLookDue = limit > 0 && now >= this.#pace.nextLookAt;
      if (now >= this.#pace.awayUntil && (this.#flights.landed > 0 || isLookDue)) {
        await this.#exchange(limit);
      } else if (this.#isDone(now)) {
        return;
      } else {
        await this.#signal.wait(this.#measureSleep(now, limit));
      }
      this.#countDropped(this.#flights.takeDropped());
    }
  }

  #countFreeSlots(): number {
    if (this.#ending !== null) return 0;
    const { batchSize, workerConcurrency } = this.#seam.settings;
    const free = workerConcurrency - this.#flights.inFlight;
    return Math.max(0, Math.min(batchSize, free, this.#budget.callsLeft));
  }

  #isDone(now: number): boolean {
    if (this.#flights.inFlight > 0 || this.#flights.landed > 0) return false;
    if (this.#ending !== null) return true;
    return now >= this.#pace.awayUntil && this.#pace.isIdleOver(now);
  }

  /** Null: until a call lands or somebody raises the signal. */
  #measureSleep(now: number, limit: number): number | null {
    const { awayUntil, nextLookAt } = this.#pace;
    if (now < awayUntil) return awayUntil - now;
    if (this.#ending !== null) return null;
    const lookAt = limit === 0 ? this.#budget.endsAt : Math.min(nextLookAt, this.#budget.endsAt);
    return Math.max(1, lookAt - now);
  }

  /** One call of the database: settles what has landed and leases up to `limit` jobs. */
  async #exchange(limit: number): Promise<void> {
    const { rpc, settings: { leaseMs } } = this.#seam;
    const landings = this.#flights.takeLanded();
    const sentAt = this.#now();
    if (limit > 0) this.#wasPoked = false;
    let lease: Lease;
    try {
      lease = landings.length === 0
        ? await rpc.leaseJobs({ workerId: this.workerId, limit, leaseMs })
        : await settleResults(landings, limit, {
          rpc,
          workerId: this.workerId,
          leaseMs,
          counts: this.#counts,
          keep: (kept) => this.#flights.putBack(kept),
        });
    } catch (error) {
      this.#waitOut(error);
      return;
    }
    const now = this.#now();
    this.#pace.noteAnswer();
    if (landings.length > 0 || lease.jobs.length > 0) this.#pace.linger(now);
    if (limit > 0) this.#pace.noteLease(lease, limit, now);
    if (this.#wasPoked) this.#pace.lookAtOnce();
    this.#seam.noteMoved?.([...landings.map(({ flight }) => flight.job), ...lease.jobs]);
    await this.#launch(lease.jobs, sentAt + leaseMs);
    if (lease.signals) await this.#processSignals();
  }

  /** Parked jobs were called: those that may go on are due once their signals are processed. */
  async #processSignals(): Promise<void> {
    try {
      const { processed } = await this.#seam.rpc.processSignals();
      this.#isSignalFailing = false;
      // None: another worker has them, or their jobs are locked. Looking at once would be a busy loop.
      if (processed === 0) return;
      this.#pace.lookAtOnce();
      this.#pace.linger(this.#now());
    } catch (error) {
      // They stay; the next look tells of them again, and whether the database is away.
      if (!this.#isSignalFailing) {
        logEvent("warn", "worker.missed_signals", { worker_id: this.workerId, error });
      }
      this.#isSignalFailing = true;
    }
  }

  async #launch(jobs: LeasedJob[], leaseUntil: number): Promise<void> {
    // The process stood still, or the answer took that long: others have the jobs by now, and may be done.
    if (this.#now() >= leaseUntil) {
      this.#countDropped(jobs.length);
      return;
    }
    const unbegun: LeasedJob[] = [];
    for (const job of jobs) {
      const timeoutMs = this.#ending === null ? this.#fitTimeout(job) : null;
      if (timeoutMs === null) {
        unbegun.push(job);
      } else {
        if (mayCall(job)) this.#budget.countCall();
        this.#flights.launch(job, timeoutMs, leaseUntil);
      }
    }
    if (unbegun.length === 0) return;
    this.#ending ??= "budget";
    await this.#handBack(unbegun);
  }

  /** Null: the call may outlive the invocation. */
  #fitTimeout(job: LeasedJob): number | null {
    const { timeout_ms } = job.config;
    return mayCall(job) ? this.#budget.fitTimeout(timeout_ms, this.#now()) : timeout_ms;
  }

  async #handBack(jobs: LeasedJob[]): Promise<void> {
    const leases = jobs.map(({ job_id, lease_token }) => ({ job_id, lease_token }));
    try {
      await this.#seam.rpc.handBackJobs({ workerId: this.workerId, leases });
      this.#counts.handed_back += jobs.length;
    } catch (error) {
      // They come back by themselves when their lease is over.
      logEvent("warn", "worker.kept_leases", {
        worker_id: this.workerId,
        jobs: jobs.length,
        error,
      });
    }
  }

  /** Keeps results while their leases hold; throws once there is nothing left to wait for. */
  #waitOut(error: unknown): void {
    const now = this.#now();
    this.#countDropped(this.#flights.dropExpired(now));
    if (this.#flights.inFlight === 0 && this.#flights.landed === 0) throw error;
    if (this.#pace.noteFailure(now)) {
      logEvent("warn", "worker.waited", { worker_id: this.workerId, error });
    }
  }

  /**
   * Leaves the queue to others while the last calls are still in flight: a worker that leases nothing
   * but counts as draining would keep every bell from ringing for as long as its slowest call.
   */
  async #handOver(): Promise<void> {
    this.#isHandedOver = true;
    try {
      await this.#registration.resign(this.#isWorkExpected());
    } catch (error) {
      logEvent("warn", "worker.left_late", { worker_id: this.workerId, error });
    }
  }

  /** False: drain on. */
  async #leave(): Promise<boolean> {
    if (this.#ending !== null) {
      // After a hand-over: what was settled since has made jobs ready that nobody was told of.
      await this.#registration.resign(this.#isHandedOver || this.#isWorkExpected());
      return true;
    }
    if (await this.#registration.leave()) return true;
    this.#pace.lookAtOnce();
    // An enqueuer whose transaction is open shows no job yet: look again after a pause, not at once.
    this.#pace.linger(this.#now(), this.#seam.settings.workerPollMs);
    return false;
  }

  #isWorkExpected(): boolean {
    return this.#wasPoked || this.#pace.isJobDueSoon(this.#now());
  }

  #countDropped(dropped: number): void {
    this.#counts.jobs += dropped;
    this.#counts.lost += dropped;
  }

  #now(): number {
    return this.#seam.clock.now();
  }
}
