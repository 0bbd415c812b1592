// Counts what an evaluation does, before it is done, and ends it in time. Time itself is not asked:
// the same expression over the same data must always have the same end.
import { LimitFailure } from "./failure.ts";
import { MAX_RESULT_CHARS, MAX_WORK } from "./limits.ts";

const LARGE_MAP = 1_000;

export class Work {
  #left = MAX_WORK;
  #charsLeft = MAX_RESULT_CHARS;

  /** What may still be spent. */
  get left(): number {
    return this.#left;
  }

  spend(units: number): void {
    this.#left -= units;
    if (this.#left < 0) {
      throw new LimitFailure(
        `it takes more than ${MAX_WORK} units of work: go through shorter lists or texts`,
      );
    }
  }

  /** For going through the keys of a map; a large one is a hash table, where that is slow. */
  spendKeys(count: number): void {
    this.spend(count > LARGE_MAP ? 16 * count : 2 * count);
  }

  /** Notes characters of the result's JSON text. */
  addResult(chars: number): void {
    this.#charsLeft -= chars;
    if (this.#charsLeft < 0) {
      throw new LimitFailure(
        `the result is larger than ${MAX_RESULT_CHARS / 1024 / 1024} MiB: take less of it`,
      );
    }
  }
}
