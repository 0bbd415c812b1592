// What an answer of Storage means that is no success. supabase-js gives it instead of throwing.
import type { OrchestratorError } from "../contract/errors.ts";
import { translateFailure } from "./errors.ts";

interface StorageFailure {
  message: string;
  status?: number;
  statusCode?: string;
}

/** Storage answers some errors with 400 and the real status in the body. */
function readStatus(error: StorageFailure): number {
  const inBody = Number(error.statusCode);
  return Number.isInteger(inBody) && inBody >= 400 ? inBody : error.status ?? 0;
}

/** The bucket or the file is not there. */
export function isNotFound(error: StorageFailure): boolean {
  return readStatus(error) === 404 || /not[ _]found/i.test(error.message);
}

/** Two creators met; the bucket is there. */
export function isAlreadyThere(error: StorageFailure): boolean {
  return readStatus(error) === 409 || /already exists/i.test(error.message);
}

/** The error that callers act upon: `unavailable` where another try may succeed. */
export function translateStorageFailure(action: string, error: StorageFailure): OrchestratorError {
  return translateFailure(action, {
    status: readStatus(error),
    code: error.statusCode ?? "",
    message: error.message,
  }, "Storage");
}
