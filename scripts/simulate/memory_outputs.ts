// Storage of a simulation: large outputs in memory, as the bucket keeps them.
import type { OutputRef } from "../../supabase/functions/_shared/database/rows.ts";
import { nameOutput } from "../../supabase/functions/_shared/outputs/bucket.ts";
import { countBytes, digestText } from "../../supabase/functions/_shared/outputs/json_text.ts";
import type { OutputOwner, OutputStore } from "../../supabase/functions/_shared/outputs/store.ts";

export class MemoryOutputs implements OutputStore {
  readonly #texts = new Map<string, string>();

  async put(owner: OutputOwner, text: string): Promise<OutputRef> {
    const path = nameOutput(owner);
    this.#texts.set(path, text);
    return { path, bytes: countBytes(text), sha256: await digestText(text) };
  }

  get({ path }: OutputRef): Promise<unknown> {
    const text = this.#texts.get(path);
    if (text === undefined) return Promise.reject(new Error(`there is no output ${path}`));
    return Promise.resolve(JSON.parse(text));
  }

  remove(paths: readonly string[]): Promise<void> {
    for (const path of paths) this.#texts.delete(path);
    return Promise.resolve();
  }
}
