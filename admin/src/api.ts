// The one way to the server: requests with the session's token, problem details as errors, and whether
// the server is there at all.
import type { Problem } from "../../supabase/functions/_shared/contract/errors.ts";
import { config, FUNCTIONS_URL } from "./config.ts";
import { getAccessToken } from "./session.ts";
import { createStore } from "./store.ts";

/** What the server refused, in its words. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly problems: Problem[] = [],
  ) {
    super(message);
  }
}

/** No answer, or one from a gateway in front of a server that is down. */
export class AwayError extends Error {}

/** Somebody has to sign in; the page stays as it is behind the sign-in. */
export class SignedOutError extends Error {}

/** When the server was last known to be away; null while it answers. */
export const awaySince = createStore<number | null>(null);

const TIMEOUT_MS = 20_000;

export function get<T>(
  path: string,
  query: Record<string, unknown> = {},
): Promise<T> {
  const given = Object.entries(query)
    .filter(([, value]) => value !== undefined && value !== null && value !== "")
    .map(([name, value]) => [name, String(value)]);
  const search = given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
  return request<T>("GET", `${path}${search}`);
}

export function post<T>(path: string, body: unknown = {}): Promise<T> {
  return request<T>("POST", path, body);
}

export async function request<T>(
  method: string,
  path: string,
  body?: unknown,
): Promise<T> {
  let response = await send(method, path, body, false);
  if (response.status === 401) {
    // The clock of this browser may be wrong, or the key was changed: once more with a fresh token.
    await response.body?.cancel();
    response = await send(method, path, body, true);
  }
  const answer = await response.json().catch(() => null);
  if (response.ok) return answer as T;
  if (response.status === 401) {
    throw new SignedOutError("the session has expired");
  }
  throw new ApiError(
    response.status,
    answer?.detail ?? `the server answered ${response.status}`,
    answer?.problems ?? [],
  );
}

async function send(
  method: string,
  path: string,
  body: unknown,
  isRefused: boolean,
): Promise<Response> {
  try {
    const token = await getAccessToken(isRefused);
    if (token === null) throw new SignedOutError("nobody is signed in");
    const response = await fetch(`${FUNCTIONS_URL}${path}`, {
      method,
      headers: {
        apikey: config.publishableKey,
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    // A gateway in front of a function that does not start, or was ended, speaks JSON too, but no problem details.
    const isProblem = response.headers.get("content-type")?.includes("problem+json") ?? false;
    if (response.status >= 500 && !isProblem) {
      throw new AwayError(`the server answered ${response.status}`);
    }
    awaySince.set(null);
    return response;
  } catch (error) {
    if (error instanceof SignedOutError) throw error;
    awaySince.set(awaySince.get() ?? Date.now());
    throw new AwayError("the server does not answer", { cause: error });
  }
}
