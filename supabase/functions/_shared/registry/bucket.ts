// The Storage bucket `workflows`, the source of truth of all workflow files and templates. Serves the
// registry.
import { OrchestratorError } from "../contract/errors.ts";
import type { StorageApi } from "../database/client.ts";
import { UNAVAILABLE_RETRY_MS } from "../database/errors.ts";
import {
  isAlreadyThere,
  isNotFound,
  translateStorageFailure as translate,
} from "../database/storage_failure.ts";
import { TEMPLATE_FOLDER } from "../workflow/template_book.ts";

export const WORKFLOW_BUCKET = "workflows";

const CONTENT_TYPE = "application/yaml";

/** Files at the top of the bucket whose names end in .yml or .yaml; others are not ours. */
const WORKFLOW_FILE_NAME = /^([^/]+)\.ya?ml$/;

/** Templates looked through for a name that was meant. */
const MAX_LISTED = 1_000;

export class WorkflowBucket {
  readonly #storage: StorageApi;

  constructor(storage: StorageApi) {
    this.#storage = storage;
  }

  /** Creates the private bucket; false if it was there already. */
  async create(fileMaxBytes: number): Promise<boolean> {
    const { error } = await this.#storage.createBucket(WORKFLOW_BUCKET, {
      public: false,
      fileSizeLimit: fileMaxBytes,
    });
    if (error === null) return true;
    if (isAlreadyThere(error)) return false;
    throw translate(`creating the bucket ${WORKFLOW_BUCKET}`, error);
  }

  async exists(): Promise<boolean> {
    const { error } = await this.#storage.getBucket(WORKFLOW_BUCKET);
    if (error === null) return true;
    if (isNotFound(error)) return false;
    throw translate(`looking for the bucket ${WORKFLOW_BUCKET}`, error);
  }

  /** The text of a file, or null if there is no such file. */
  async download(name: string): Promise<string | null> {
    const { data, error } = await this.#storage.from(WORKFLOW_BUCKET).download(name);
    if (error === null) return await readBlob(name, data);
    if (isNotFound(error)) return null;
    throw translate(`downloading ${name}`, error);
  }

  /** The names of the templates that are there. */
  async listTemplates(): Promise<string[]> {
    const { data, error } = await this.#storage.from(WORKFLOW_BUCKET)
      .list(TEMPLATE_FOLDER, { limit: MAX_LISTED });
    if (error !== null) throw translate(`listing ${TEMPLATE_FOLDER}`, error);
    return data.flatMap(({ name }) => readKeyOfFileName(name) ?? []);
  }

  /** Uploads a file, over an older one of that name. */
  async upload(name: string, source: string): Promise<void> {
    const { error } = await this.#storage.from(WORKFLOW_BUCKET)
      .upload(name, new Blob([source], { type: CONTENT_TYPE }), {
        upsert: true,
        contentType: CONTENT_TYPE,
        // A cached old version would be published again by the next reader.
        cacheControl: "0",
      });
    if (error !== null) throw translate(`uploading ${name}`, error);
  }
}

/** The key that a file's name promises, or null if it is no workflow file's name. */
export function readKeyOfFileName(name: string): string | null {
  return WORKFLOW_FILE_NAME.exec(name)?.[1] ?? null;
}

async function readBlob(name: string, blob: Blob): Promise<string> {
  try {
    return await blob.text();
  } catch (cause) {
    throw new OrchestratorError("unavailable", `downloading ${name}: the answer broke off`, {
      retryAfterMs: UNAVAILABLE_RETRY_MS,
      cause,
    });
  }
}
