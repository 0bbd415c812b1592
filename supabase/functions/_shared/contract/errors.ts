// The one error type that crosses module boundaries, and the problems it carries. HTTP routes turn
// it into problem details; nothing else may decide a status code.

import type { Problem } from "./answers/problem_details.ts";

export type { Problem };

/** Every kind of error with the HTTP status that it is answered with. */
export const HTTP_STATUS_OF_KIND = {
  invalid: 400,
  unprocessable: 422,
  not_found: 404,
  conflict: 409,
  unauthorized: 401,
  forbidden: 403,
  rate_limited: 429,
  payload_too_large: 413,
  unavailable: 503,
  internal: 500,
} as const;

export type ErrorKind = keyof typeof HTTP_STATUS_OF_KIND;

export interface OrchestratorErrorOptions {
  problems?: Problem[];
  /** When a caller may try again, in milliseconds; sent as Retry-After. */
  retryAfterMs?: number;
  cause?: unknown;
}

export class OrchestratorError extends Error {
  override readonly name = "OrchestratorError";
  readonly kind: ErrorKind;
  readonly problems?: Problem[];
  readonly retryAfterMs?: number;

  constructor(kind: ErrorKind, message: string, options: OrchestratorErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.problems = options.problems;
    this.retryAfterMs = options.retryAfterMs;
  }

  /** The HTTP status that this error is answered with. */
  get status(): number {
    return HTTP_STATUS_OF_KIND[this.kind];
  }
}
