// Keeps what was made of a text, for the texts used last: a worker meets the same expression for
// every item of a fan-out and every run of a workflow.

/** Texts longer than this part of the room are made anew each time. */
const LARGEST_PART = 20;

/** A map that forgets its least recently used entries; bounded in entries and in characters. */
export class BoundedCache<V> {
  readonly #entries = new Map<string, V>();
  readonly #maxEntries: number;
  readonly #maxChars: number;
  #chars = 0;

  constructor(maxEntries: number, maxChars: number) {
    this.#maxEntries = maxEntries;
    this.#maxChars = maxChars;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The value kept for `text`, else the one that `make` gives; what `make` throws is not kept. */
  get(text: string, make: (text: string) => V): V {
    const kept = this.#entries.get(text);
    if (kept !== undefined) {
      this.#entries.delete(text);
      this.#entries.set(text, kept);
      return kept;
    }
    const made = make(text);
    if (text.length * LARGEST_PART > this.#maxChars) return made;
    this.#entries.set(text, made);
    this.#chars += text.length;
    while (this.#entries.size > this.#maxEntries || this.#chars > this.#maxChars) {
      const [oldest] = this.#entries.keys();
      this.#entries.delete(oldest);
      this.#chars -= oldest.length;
    }
    return made;
  }
}
