// The leases that a worker holds: jobs in flight, and results that wait to be settled. Knows how
// long each lease is good for; serves stages 4 and 5.
import type { HeldLease, JobResult, LeasedJob } from "../database/rows.ts";
import type { Attempt, DrainSeam } from "./drain_seam.ts";

export interface Flight {
  readonly job: LeasedJob;
  readonly controller: AbortController;
  /** Until when the lease is certainly ours, in milliseconds since 1970. */
  leaseUntil: number;
  isLost: boolean;
}

export interface Landing {
  readonly flight: Flight;
  readonly result: JobResult;
}

export class Flights {
  readonly #seam: DrainSeam;
  readonly #onLanding: () => void;
  readonly #inFlight = new Map<string, Flight>();
  #landed: Landing[] = [];
  #dropped = 0;

  constructor(seam: DrainSeam, onLanding: () => void) {
    this.#seam = seam;
    this.#onLanding = onLanding;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  get landed(): number {
    return this.#landed.length;
  }

  /** Begins a job; its result is among the landed ones once `onLanding` was called. */
  launch(job: LeasedJob, timeoutMs: number, leaseUntil: number): void {
    const flight = { job, controller: new AbortController(), leaseUntil, isLost: false };
    this.#inFlight.set(nameLease(job), flight);
    this.#execute(flight, timeoutMs).then((attempt) => this.#land(flight, attempt));
  }

  async #execute({ job, controller }: Flight, timeoutMs: number): Promise<Attempt> {
    try {
      return await this.#seam.execute(job, timeoutMs, controller.signal);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      return { outcome: "retry", error_class: "internal", error_text: `executing a step: ${text}` };
    }
  }

  #land(flight: Flight, attempt: Attempt): void {
    const { job_id, lease_token } = flight.job;
    this.#inFlight.delete(nameLease(flight.job));
    if (flight.isLost) this.#dropped++;
    else {this.#landed.push({
        flight,
        result: { job_id, lease_token, attempt: flight.job.attempt, ...attempt },
      });}
    this.#onLanding();
  }

  /** Takes the results that wait to be settled; those that could not be are put back. */
  takeLanded(): Landing[] {
    const landed = this.#landed;
    this.#landed = [];
    return landed;
  }

  putBack(landings: Landing[]): void {
    this.#landed.unshift(...landings);
  }

  /** Takes the number of calls that ended after their lease was lost. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  /** Drops results whose lease is over, and tells how many; another worker has their jobs. */
  dropExpired(now: number): number {
    const kept = this.#landed.filter(({ flight }) => flight.leaseUntil > now);
    const dropped = this.#landed.length - kept.length;
    this.#landed = kept;
    return dropped;
  }

  listHeld(): HeldLease[] {
    const held = [...this.#inFlight.values(), ...this.#landed.map(({ flight }) => flight)];
    return held.map(({ job: { job_id, lease_token } }) => ({ job_id, lease_token }));
  }

  /** Notes that the listed leases are good until then. */
  extend(leases: HeldLease[], until: number): void {
    const held = new Set(leases.map(nameLease));
    for (const flight of this.#inFlight.values()) {
      if (held.has(nameLease(flight.job))) flight.leaseUntil = until;
    }
    for (const { flight } of this.#landed) {
      if (held.has(nameLease(flight.job))) flight.leaseUntil = until;
    }
  }

  /**
   * Aborts the calls whose lease is no longer ours, and tells how many there were. By token, too: a job of a
   * lease that was settled while the database was asked may be in flight again.
   */
  abort(leases: HeldLease[]): number {
    let aborted = 0;
    for (const lease of leases) {
      const flight = this.#inFlight.get(nameLease(lease));
      if (flight === undefined || flight.isLost) continue;
      flight.isLost = true;
      flight.controller.abort();
      aborted++;
    }
    return aborted;
  }
}

/** The jobs of one lease share its token. */
function nameLease({ job_id, lease_token }: HeldLease): string {
  return `${job_id}:${lease_token}`;
}
