// Errors of the Data API in PostgREST's form, and its mapping from SQLSTATE to HTTP status.
import postgres from "postgres";
import type { Role } from "./keys.ts";
import { DatabaseAwayError } from "./role_pool.ts";

interface ErrorExtras {
  details?: string | null;
  hint?: string | null;
}

export class ApiError extends Error {
  override name = "ApiError";
  readonly extras: ErrorExtras;

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    extras: ErrorExtras = {},
  ) {
    super(message);
    this.extras = extras;
  }

  toResponse(): Response {
    const { details = null, hint = null } = this.extras;
    const headers: HeadersInit = this.status === 503 ? { "retry-after": "1" } : {};
    return Response.json({ code: this.code, details, hint, message: this.message }, {
      status: this.status,
      headers,
    });
  }
}

// Longest prefix first. Source: docs.postgrest.org, "Errors from PostgreSQL".
const STATUS_BY_SQLSTATE: [prefix: string, status: number][] = [
  ["P0001", 400],
  ["23503", 409],
  ["23505", 409],
  ["25006", 405],
  ["42883", 404],
  ["42P01", 404],
  ["42P17", 500],
  ["53400", 500],
  ["09", 500],
  ["0L", 403],
  ["0P", 403],
  ["21", 500],
  ["25", 500],
  ["28", 403],
  ["2D", 500],
  ["38", 500],
  ["39", 500],
  ["3B", 500],
  ["40", 500],
  ["53", 503],
  ["54", 500],
  ["55", 500],
  ["57", 500],
  ["58", 500],
  ["F0", 500],
  ["HV", 500],
  ["P0", 500],
  ["XX", 500],
];

/** Turns whatever a statement threw into the answer that PostgREST gives. */
export function toApiError(error: unknown, role: Role): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof DatabaseAwayError) {
    return new ApiError(503, "PGRST000", "Database connection error. Retrying the connection.", {
      details: error.message,
    });
  }
  if (error instanceof postgres.PostgresError) {
    return new ApiError(findStatus(error.code, role), error.code, error.message, {
      details: error.detail,
      hint: error.hint,
    });
  }
  return new ApiError(500, "PGRSTX00", error instanceof Error ? error.message : String(error));
}

function findStatus(sqlstate: string, role: Role): number {
  if (sqlstate === "42501") return role === "anon" ? 401 : 403;
  if (/^PT\d{3}$/.test(sqlstate)) return Number(sqlstate.slice(2));
  return STATUS_BY_SQLSTATE.find(([prefix]) => sqlstate.startsWith(prefix))?.[1] ?? 400;
}
