// Errors as RFC 9457 problem details. The only place that turns an error into a response; what it
// does not know becomes a bare 500, and its text goes to the log only.
import { z } from "zod";
import type { ProblemDetails } from "../contract/answers/problem_details.ts";
import { OrchestratorError } from "../contract/errors.ts";
import { listZodProblems } from "./zod_problems.ts";

export const PROBLEM_CONTENT_TYPE = "application/problem+json";

const TITLES: Record<number, string> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  413: "Content Too Large",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

/** Without a better time known, callers come back after this. */
const DEFAULT_RETRY_MS = 1_000;

export interface DescribedError {
  details: ProblemDetails;
  headers: Record<string, string>;
}

/** Describes any thrown value: its status, what may be told of it, and the headers that go along. */
export function describeError(
  error: unknown,
  requestId?: string,
): DescribedError {
  const known = toOrchestratorError(error);
  const status = known.status;
  const isPassing = known.kind === "unavailable" ||
    known.kind === "rate_limited";
  const retryAfterMs = known.retryAfterMs ??
    (isPassing ? DEFAULT_RETRY_MS : undefined);
  const problems = known.problems ?? [];
  return {
    details: {
      type: "about:blank",
      title: TITLES[status],
      status,
      detail: known.kind === "internal"
        ? "something went wrong here; the log has the details under this request's id"
        : known.message,
      kind: known.kind,
      ...(known.kind !== "internal" && problems.length > 0 ? { problems } : {}),
      ...(retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs }),
      ...(requestId === undefined ? {} : { request_id: requestId }),
    },
    headers: {
      ...(retryAfterMs === undefined ? {} : { "Retry-After": formatRetryAfter(retryAfterMs) }),
      ...(status === 401 ? { "WWW-Authenticate": 'Bearer realm="service"' } : {}),
    },
  };
}

/** The response for any thrown value. */
export function problemResponse(error: unknown, requestId?: string): Response {
  const { details, headers } = describeError(error, requestId);
  return respondWithProblem(details, headers);
}

/** 405 is no error kind: only a router can know it. */
export function methodNotAllowedResponse(
  detail: string,
  allowed: readonly string[],
  requestId?: string,
): Response {
  return respondWithProblem({
    type: "about:blank",
    title: TITLES[405],
    status: 405,
    detail,
    kind: "method_not_allowed",
    ...(requestId === undefined ? {} : { request_id: requestId }),
  }, { Allow: allowed.join(", ") });
}

/** Whole seconds, rounded up: a caller that is early by a fraction would be refused again. */
export function formatRetryAfter(retryAfterMs: number): string {
  return String(Math.max(1, Math.ceil(retryAfterMs / 1_000)));
}

function respondWithProblem(
  details: ProblemDetails,
  headers: Record<string, string>,
): Response {
  return new Response(JSON.stringify(details), {
    status: details.status,
    headers: { ...headers, "Content-Type": PROBLEM_CONTENT_TYPE },
  });
}

function toOrchestratorError(error: unknown): OrchestratorError {
  if (error instanceof OrchestratorError) return error;
  if (error instanceof z.ZodError) {
    const problems = listZodProblems(error);
    const detail = problems.map(({ path, message }) => path ? `${path}: ${message}` : message);
    return new OrchestratorError(
      "invalid",
      `reading the request: ${detail.join("; ")}`,
      {
        problems,
      },
    );
  }
  return new OrchestratorError("internal", "unexpected error", {
    cause: error,
  });
}
