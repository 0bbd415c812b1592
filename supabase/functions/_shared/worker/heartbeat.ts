// Extends the leases of the calls in flight, and ends the calls whose lease was lost. Beats also
// with nothing in flight, because the database takes a worker that is silent for dead.
import { logEvent } from "../log.ts";
import type { DrainSeam } from "./drain_seam.ts";
import type { Flights } from "./flights.ts";

export class Heartbeat {
  readonly #seam: DrainSeam;
  readonly #workerId: string;
  readonly #flights: Flights;
  #cancelTimer: (() => void) | null = null;
  #beating: Promise<void> = Promise.resolve();
  #isFailing = false;

  constructor(seam: DrainSeam, workerId: string, flights: Flights) {
    this.#seam = seam;
    this.#workerId = workerId;
    this.#flights = flights;
  }

  start(): void {
    const { clock, settings } = this.#seam;
    this.#cancelTimer = clock.setTimer(settings.heartbeatMs, () => {
      this.#beating = this.#beat().then(() => {
        if (this.#cancelTimer !== null) this.start();
      });
    });
  }

  /** Resolves when no beat is under way any more, so that none comes after the worker's leave. */
  stop(): Promise<void> {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    return this.#beating;
  }

  async #beat(): Promise<void> {
    const { rpc, clock, settings: { leaseMs } } = this.#seam;
    const workerId = this.#workerId;
    const leases = this.#flights.listHeld();
    const sentAt = clock.now();
    try {
      const { lost } = await rpc.heartbeatJobs({ workerId, leases, leaseMs });
      this.#isFailing = false;
      const isLost = new Set(lost);
      this.#flights.extend(leases.filter(({ job_id }) => !isLost.has(job_id)), sentAt + leaseMs);
      const aborted = this.#flights.abort(leases.filter(({ job_id }) => isLost.has(job_id)));
      if (aborted > 0) logEvent("warn", "worker.lost_leases", { worker_id: workerId, aborted });
    } catch (error) {
      // The leases hold for several beats; the drain itself decides when the database is away.
      if (!this.#isFailing) {
        logEvent("warn", "worker.missed_heartbeat", { worker_id: workerId, error });
      }
      this.#isFailing = true;
    }
  }
}
