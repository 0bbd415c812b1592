// What a failed call of the database or of Storage means to a caller: away or not migrated yet (503, try
// again), refused input (400), or a bug (500). Nothing of the answer's text goes further than `cause`.
import { OrchestratorError } from "../contract/errors.ts";

/** When to try again while the database is away and nothing better is known. */
export const UNAVAILABLE_RETRY_MS = 2_000;

/** A failed call, whatever the transport; status 0 means that no answer came. */
export interface DatabaseFailure {
  status: number;
  code: string;
  message: string;
}

/**
 * Codes that pass by themselves, besides those of what was rolled back: the Data API without a database
 * (PGRST000-003), and Postgres shutting down or starting, out of connections, out of time, or cut off (class 08).
 * https://docs.postgrest.org/en/stable/references/errors.html
 */
const PASSING_CODES = /^(PGRST00[0-3]|57P0[1-3]|57014|53[0-9A-Z]{3}|08[0-9A-Z]{3}|55P03)$/;

/** Postgres has undone all of a call, to end a circle of waits: whatever it was, it may be made again. */
const ROLLED_BACK_CODES = /^(40001|40P01)$/;

/**
 * The Data API knows no such function, or Postgres none with these arguments: code that was deployed ahead
 * of its migrations, or a call that met the very moment in which one replaced the function.
 */
const MISSING_FUNCTION_CODES = /^(PGRST202|42883)$/;

/** Class 22 is data that its column cannot hold, such as \u0000 in jsonb or a malformed uuid. */
const REFUSED_DATA_CODES = /^22[0-9A-Z]{3}$/;

const OLD_SCHEMA = "the database has no such function; it is older than this code: " +
  "apply the migrations (supabase db push)";

/** Some gateways answer 500 and only their text tells that the database refused the connection. */
const LOST_CONNECTION =
  /ECONNREFUSED|ECONNRESET|CONNECTION_(CLOSED|ENDED|DESTROYED)|CONNECT_TIMEOUT|connection (refused|reset|closed|terminated)|terminating connection|statement timeout|the database system is (starting up|shutting down)/i;

/**
 * Turns a failure into the error that routes and workers act upon. `action` begins the message, `what`
 * is the part of the platform that was asked.
 */
export function translateFailure(
  action: string,
  failure: DatabaseFailure,
  what = "the database",
): OrchestratorError {
  const cause = new Error(
    `${failure.status} ${failure.code} ${failure.message}`.trim().slice(0, 2_000),
  );
  if (isPassing(failure)) {
    return new OrchestratorError("unavailable", `${action}: ${what} is away`, {
      retryAfterMs: UNAVAILABLE_RETRY_MS,
      cause,
    });
  }
  if (MISSING_FUNCTION_CODES.test(failure.code)) {
    return new OrchestratorError("unavailable", `${action}: ${OLD_SCHEMA}`, {
      retryAfterMs: UNAVAILABLE_RETRY_MS,
      cause,
    });
  }
  if (REFUSED_DATA_CODES.test(failure.code)) {
    return new OrchestratorError("invalid", `${action}: a value cannot be stored`, { cause });
  }
  const code = failure.code === "" ? `status ${failure.status}` : `code ${failure.code}`;
  return new OrchestratorError("internal", `${action}: failed with ${code}`, {
    cause,
  });
}

/** Whether a call changed nothing and may succeed at once, by its code alone. */
export function wasRolledBack({ code }: DatabaseFailure): boolean {
  return ROLLED_BACK_CODES.test(code);
}

function isPassing(failure: DatabaseFailure): boolean {
  const { status, code, message } = failure;
  return wasRolledBack(failure) || status === 0 || status === 502 || status === 503 ||
    status === 504 ||
    status === 429 ||
    PASSING_CODES.test(code) || LOST_CONNECTION.test(message);
}
