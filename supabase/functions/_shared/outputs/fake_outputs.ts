// For tests only: outputs in memory, with every access noted.
import type { OutputRef } from "../database/rows.ts";
import { nameOutput } from "./bucket.ts";
import { countBytes, writeJson } from "./json_text.ts";
import type { OutputOwner, OutputStore } from "./store.ts";

export class FakeOutputs implements OutputStore {
  readonly texts = new Map<string, string>();
  /** Paths in the order in which they were asked for. */
  readonly reads: string[] = [];
  /** Thrown by every access while set. */
  outage: Error | null = null;

  /** Puts a value there, as an earlier step would have. */
  lay(path: string, value: unknown): OutputRef {
    const text = writeJson(value);
    this.texts.set(path, text);
    return { path, bytes: countBytes(text), sha256: "unchecked" };
  }

  put(owner: OutputOwner, text: string): Promise<OutputRef> {
    if (this.outage !== null) return Promise.reject(this.outage);
    return Promise.resolve(this.lay(nameOutput(owner), JSON.parse(text)));
  }

  get({ path }: OutputRef): Promise<unknown> {
    this.reads.push(path);
    if (this.outage !== null) return Promise.reject(this.outage);
    const text = this.texts.get(path);
    if (text === undefined) {
      return Promise.reject(new Error(`${path} was not laid there`));
    }
    return Promise.resolve(JSON.parse(text));
  }

  remove(paths: readonly string[]): Promise<void> {
    if (this.outage !== null) return Promise.reject(this.outage);
    for (const path of paths) this.texts.delete(path);
    return Promise.resolve();
  }
}
