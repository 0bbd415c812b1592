// Auth's errors in its two forms: {code, error_code, msg}, and {code, message} for clients that ask by
// header for the interface of 2024-01-01, as supabase-js does. Source: supabase/auth, apierrors.
import postgres from "postgres";
import { DatabaseAwayError } from "./role_pool.ts";

const VERSION_HEADER = "x-supabase-api-version";
const NEW_FORM = "2024-01-01";

export class AuthError extends Error {
  override name = "AuthError";

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    /** Further fields of the body, such as the reasons of a weak password. */
    readonly extras: Record<string, unknown> = {},
  ) {
    super(message);
  }
}

/** Turns whatever was thrown into Auth's answer. */
export function reportAuthError(error: unknown, request: Request): Response {
  const { status, code, message, extras } = toAuthError(error);
  // Versions are dates, so they compare as texts.
  if ((request.headers.get(VERSION_HEADER) ?? "") >= NEW_FORM) {
    const headers = { [VERSION_HEADER]: NEW_FORM };
    return Response.json({ code, message, ...extras }, { status, headers });
  }
  return Response.json({ code: status, error_code: code, msg: message, ...extras }, { status });
}

function toAuthError(error: unknown): AuthError {
  if (error instanceof AuthError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof DatabaseAwayError) {
    return new AuthError(503, "unexpected_failure", `Auth is not available: ${message}`);
  }
  if (error instanceof postgres.PostgresError && error.code === "23505") {
    const text = "A user with this email address has already been registered";
    return new AuthError(422, "email_exists", text);
  }
  return new AuthError(500, "unexpected_failure", message);
}
