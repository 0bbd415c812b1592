// A latch between those who have news for a drain and the drain that sleeps: news that arrive while
// nobody waits are kept, so that none is lost between the last look and the sleep.
import type { Clock } from "./clock.ts";

export class Signal {
  readonly #clock: Clock;
  #isRaised = false;
  #wakeSleeper: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  raise(): void {
    this.#isRaised = true;
    this.#wakeSleeper?.();
  }

  /** Resolves at the next raise, or after `ms`; null waits for the raise alone. */
  async wait(ms: number | null): Promise<void> {
    if (!this.#isRaised && ms !== 0) {
      await new Promise<void>((resolve) => {
        const cancel = ms === null ? () => {} : this.#clock.setTimer(ms, resolve);
        this.#wakeSleeper = () => {
          cancel();
          resolve();
        };
      });
      this.#wakeSleeper = null;
    }
    this.#isRaised = false;
  }
}
