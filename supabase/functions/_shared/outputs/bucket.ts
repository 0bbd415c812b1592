// The private Storage bucket of large outputs. Made by setup, and by the first output that finds none,
// so that a project that was set up before it existed needs no second setup.
import { OrchestratorError } from "../contract/errors.ts";
import type { StorageApi } from "../database/client.ts";
import { UNAVAILABLE_RETRY_MS } from "../database/errors.ts";
import type { OutputRef } from "../database/rows.ts";
import {
  isAlreadyThere,
  isNotFound,
  translateStorageFailure,
} from "../database/storage_failure.ts";
import { countBytes, digestText } from "./json_text.ts";
import type { OutputOwner, OutputStore } from "./store.ts";

export const OUTPUT_BUCKET = "workflow-outputs";

/** The setting output_max_bytes at its highest. */
export const OUTPUT_FILE_MAX_BYTES = 5_242_880;

const CONTENT_TYPE = "application/json";

export class OutputBucket implements OutputStore {
  readonly #storage: StorageApi;

  constructor(storage: StorageApi) {
    this.#storage = storage;
  }

  /** Creates the private bucket; false if it was there already. */
  async create(): Promise<boolean> {
    const { error } = await this.#storage.createBucket(OUTPUT_BUCKET, {
      public: false,
      fileSizeLimit: OUTPUT_FILE_MAX_BYTES,
    });
    if (error === null) return true;
    if (isAlreadyThere(error)) return false;
    throw translateStorageFailure(
      `creating the bucket ${OUTPUT_BUCKET}`,
      error,
    );
  }

  async exists(): Promise<boolean> {
    const { error } = await this.#storage.getBucket(OUTPUT_BUCKET);
    if (error === null) return true;
    if (isNotFound(error)) return false;
    throw translateStorageFailure(
      `looking for the bucket ${OUTPUT_BUCKET}`,
      error,
    );
  }

  async put(owner: OutputOwner, text: string): Promise<OutputRef> {
    const path = nameOutput(owner);
    let error = await this.#upload(path, text);
    if (error !== null && isNotFound(error)) {
      await this.create();
      error = await this.#upload(path, text);
    }
    if (error !== null) {
      throw translateStorageFailure(`uploading the output ${path}`, error);
    }
    return { path, bytes: countBytes(text), sha256: await digestText(text) };
  }

  async get({ path, sha256 }: OutputRef): Promise<unknown> {
    const action = `downloading the output ${path}`;
    const { data, error } = await this.#storage.from(OUTPUT_BUCKET).download(
      path,
    );
    if (error !== null) throw translateStorageFailure(action, error);
    const text = await readBlob(action, data);
    if (await digestText(text) !== sha256) {
      throw new OrchestratorError(
        "internal",
        `${action}: it is not what was stored`,
      );
    }
    return JSON.parse(text);
  }

  async remove(paths: readonly string[]): Promise<void> {
    if (paths.length === 0) return;
    const { error } = await this.#storage.from(OUTPUT_BUCKET).remove([
      ...paths,
    ]);
    if (error === null || isNotFound(error)) return;
    throw translateStorageFailure(`removing ${paths.length} outputs`, error);
  }

  async #upload(path: string, text: string) {
    const { error } = await this.#storage.from(OUTPUT_BUCKET)
      .upload(path, new Blob([text], { type: CONTENT_TYPE }), {
        upsert: false,
        contentType: CONTENT_TYPE,
        cacheControl: "0",
      });
    return error;
  }
}

/**
 * A new name for an output: `<run>/<job>-<attempt>-<random>.json`. Never one that was used before: a job
 * that is reset counts its attempts from 1 again, and its old file may just be about to be removed.
 */
export function nameOutput(
  { workflow_run_id, job_id, attempt }: OutputOwner,
): string {
  return `${workflow_run_id}/${job_id}-${attempt}-${crypto.randomUUID().slice(0, 8)}.json`;
}

async function readBlob(action: string, blob: Blob): Promise<string> {
  try {
    return await blob.text();
  } catch (cause) {
    throw new OrchestratorError(
      "unavailable",
      `${action}: the answer broke off`,
      {
        retryAfterMs: UNAVAILABLE_RETRY_MS,
        cause,
      },
    );
  }
}
