// The time of a simulation: it stands still while work is done, and leaps to when the next thing is
// due. The database's clock is set to the same instant at every leap.
import type { PGlite } from "@electric-sql/pglite";

export class VirtualClock {
  readonly #db: PGlite;
  #startedAt: number;
  #now: number;

  /** `beginAt` sets it. */
  constructor(db: PGlite) {
    this.#db = db;
    this.#startedAt = 0;
    this.#now = 0;
  }

  /** Milliseconds since 1970. */
  get now(): number {
    return this.#now;
  }

  /** From when `elapsed` is counted. */
  get startedAt(): number {
    return this.#startedAt;
  }

  /** Milliseconds since the simulation began. */
  get elapsed(): number {
    return this.#now - this.#startedAt;
  }

  /** Leaps to where the story begins. */
  async beginAt(instant: number): Promise<void> {
    await this.leapTo(instant);
    this.#startedAt = this.#now;
  }

  /** Never goes back: what the database stored would lie in the future. */
  async leapTo(instant: number): Promise<void> {
    this.#now = Math.max(this.#now, instant);
    await this.#db.query("select simulation.set_clock($1)", [this.#now]);
  }
}
