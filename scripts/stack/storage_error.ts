// Storage's errors in its own form: HTTP 400 for nearly everything, the real status in the body.
import postgres from "postgres";
import { DatabaseAwayError } from "./role_pool.ts";

export class StorageError extends Error {
  override name = "StorageError";

  /** `error` is the older name of a failure and `code` the newer one; clients look at either. */
  constructor(
    readonly statusCode: number,
    readonly error: string,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export function objectNotFound(): StorageError {
  return new StorageError(404, "not_found", "NoSuchKey", "Object not found");
}

export function bucketNotFound(): StorageError {
  return new StorageError(404, "Bucket not found", "NoSuchBucket", "Bucket not found");
}

export function invalidRequest(message: string): StorageError {
  return new StorageError(400, "invalid_request", "InvalidRequest", message);
}

/** Turns whatever was thrown into Storage's answer. */
export function reportStorageError(error: unknown): Response {
  const { statusCode, error: name, code, message } = toStorageError(error);
  const body = { statusCode: String(statusCode), error: name, code, message };
  return Response.json(body, { status: statusCode >= 500 ? statusCode : 400 });
}

function toStorageError(error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof DatabaseAwayError) {
    const text = `Storage is not available: ${message}`;
    return new StorageError(503, "ServiceUnavailable", "ServiceUnavailable", text);
  }
  const sqlstate = error instanceof postgres.PostgresError ? error.code : "";
  if (sqlstate === "23505") {
    const text = "The resource already exists";
    return new StorageError(409, "Duplicate", "ResourceAlreadyExists", text);
  }
  if (sqlstate === "23503") {
    const text = "The bucket you tried to delete is not empty";
    return new StorageError(409, "InvalidRequest", "BucketNotEmpty", text);
  }
  if (sqlstate === "42501") return new StorageError(403, "Unauthorized", "AccessDenied", message);
  return new StorageError(500, "internal", "InternalError", message);
}
