// How long the jobs of a simulation were in which state, from transaction to transaction: what the
// picture of the path is drawn from.

/** A point in a simulation; what happens in one transaction has one round. */
export interface Moment {
  round: number;
  /** Virtual milliseconds since the simulation began. */
  at_ms: number;
}

/** A state of a job that lasted. */
export interface Span {
  workflow_run_id: string;
  step_id: string;
  /** `pausing`: until its next attempt. */
  state: "called" | "waiting" | "pausing";
  from: Moment;
  to: Moment;
}

export type SpanOwner = Pick<Span, "workflow_run_id" | "step_id"> & { job_id: number };

export class Spans {
  readonly closed: Span[] = [];
  readonly #open = new Map<number, Span>();

  isOpen(jobId: number): boolean {
    return this.#open.has(jobId);
  }

  /** Begins a state, and ends the one before. */
  begin({ job_id, workflow_run_id, step_id }: SpanOwner, state: Span["state"], now: Moment): void {
    this.end(job_id, now);
    this.#open.set(job_id, { workflow_run_id, step_id, state, from: now, to: now });
  }

  end(jobId: number, now: Moment): void {
    const span = this.#open.get(jobId);
    if (span === undefined) return;
    this.#open.delete(jobId);
    this.closed.push({ ...span, to: now });
  }

  endAll(now: Moment): void {
    for (const jobId of [...this.#open.keys()]) this.end(jobId, now);
  }
}
