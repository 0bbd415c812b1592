// The private Storage bucket of runs that were archived before they were deleted. Made by set-up where
// the setting says so, and by the first file that finds none.
import type { StorageApi } from "../database/client.ts";
import {
  isAlreadyThere,
  isNotFound,
  translateStorageFailure,
} from "../database/storage_failure.ts";

export const ARCHIVE_BUCKET = "workflow-archive";

/** Keeps the files of the archive. */
export interface ArchiveStore {
  /** Writes a file, in place of one of that name. Throws OrchestratorError. */
  put(path: string, text: string): Promise<void>;
}

export class ArchiveBucket implements ArchiveStore {
  readonly #storage: StorageApi;

  constructor(storage: StorageApi) {
    this.#storage = storage;
  }

  /** Creates the private bucket; false if it was there already. */
  async create(): Promise<boolean> {
    const { error } = await this.#storage.createBucket(ARCHIVE_BUCKET, { public: false });
    if (error === null) return true;
    if (isAlreadyThere(error)) return false;
    throw translateStorageFailure(`creating the bucket ${ARCHIVE_BUCKET}`, error);
  }

  async exists(): Promise<boolean> {
    const { error } = await this.#storage.getBucket(ARCHIVE_BUCKET);
    if (error === null) return true;
    if (isNotFound(error)) return false;
    throw translateStorageFailure(`looking for the bucket ${ARCHIVE_BUCKET}`, error);
  }

  async put(path: string, text: string): Promise<void> {
    let error = await this.#upload(path, text);
    if (error !== null && isNotFound(error)) {
      await this.create();
      error = await this.#upload(path, text);
    }
    if (error !== null) throw translateStorageFailure(`writing the archive file ${path}`, error);
  }

  async #upload(path: string, text: string) {
    const contentType = "application/x-ndjson";
    const { error } = await this.#storage.from(ARCHIVE_BUCKET)
      .upload(path, new Blob([text], { type: contentType }), { upsert: true, contentType });
    return error;
  }
}
