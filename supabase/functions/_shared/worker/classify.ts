// What an agent's answer means for the attempt: success, try again, or dead. Serves stage 5, step
// call. Pure: the table of the agent contract, top to bottom.
import type { ErrorClass } from "../contract/statuses.ts";
import type { JobResult } from "../database/rows.ts";
import { findUnstorable } from "../database/storable.ts";
import type { CallOutcome } from "./call.ts";
import { parseRetryAfter, readRetryAfterMs } from "./retry_after.ts";

export const ERROR_TEXT_MAX_CHARS = 2_000;

/** A result but for what only the flight knows: its lease, its number and its logs. */
export type Classification = Omit<JobResult, "job_id" | "lease_token" | "attempt" | "logs">;

type Received = Extract<CallOutcome, { kind: "received" }>;

/** Classifies an answer. `nowMs` is the time since 1970, for a Retry-After that is a date. */
export function classifyOutcome(outcome: CallOutcome, nowMs: number): Classification {
  switch (outcome.kind) {
    case "received":
      return { status_code: outcome.status, ...classifyAnswer(outcome, nowMs) };
    case "timeout":
      return fail("retry", "timeout", `no answer within ${outcome.timeoutMs} ms`);
    case "network":
      return fail("retry", "network", outcome.message);
    case "aborted":
      return fail("retry", "lease_expired", "the call was aborted");
    case "refused":
      return fail("dead", "internal", outcome.message);
  }
}

function classifyAnswer(answer: Received, nowMs: number): Classification {
  const { status } = answer;
  if (status >= 200 && status < 300) return classifySuccess(answer);
  const body = parseObject(answer.text);
  const text = readError(body) ?? describeStatus(answer);
  const retryAfterMs = parseRetryAfter(answer.retryAfter, nowMs) ??
    readRetryAfterMs(body?.retry_after_ms);
  const retry = (errorClass: ErrorClass) => ({
    ...fail("retry", errorClass, text),
    ...(retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs }),
  });
  if (status === 429 || status === 503) {
    const hold = retryAfterMs === undefined ? {} : { hold_key_ms: retryAfterMs };
    return { ...retry(status === 429 ? "rate_limited" : "http_5xx"), ...hold };
  }
  if (status >= 500) return retry("http_5xx");
  if (status === 408) return retry("timeout");
  if (status === 425) return retry("http_4xx");
  if (status === 409 && readCode(body) === "in_progress") return retry("in_progress");
  if (status >= 400) return fail("dead", "http_4xx", text);
  const target = answer.location === null ? "" : ` to ${answer.location}`;
  return fail("dead", "invalid_response", `redirects are not followed, got ${status}${target}`);
}

function classifySuccess(answer: Received): Classification {
  if (answer.isCut) {
    return fail("dead", "output_too_large", `the answer is larger than may be kept`);
  }
  const body = parseObject(answer.text);
  if (body === null || typeof body.ok !== "boolean") {
    const start = answer.text === "" ? "nothing" : answer.text.slice(0, 200);
    return fail("dead", "invalid_response", `expected JSON with a boolean ok, got ${start}`);
  }
  if (!body.ok) return classifyRefusal(body);
  const { ok: _, ...rest } = body;
  const output = Object.hasOwn(body, "output") ? body.output : rest;
  const unstorable = findUnstorable(output);
  if (unstorable !== null) return fail("dead", "invalid_response", `the output ${unstorable}`);
  return { outcome: "success", output };
}

function classifyRefusal(body: Record<string, unknown>): Classification {
  const text = readError(body) ?? "the agent answered ok: false without an error";
  if (body.retryable !== true) return fail("dead", "agent_error", text);
  const retryAfterMs = readRetryAfterMs(body.retry_after_ms);
  return {
    ...fail("retry", "agent_error", text),
    ...(retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs }),
  };
}

function fail(outcome: "retry" | "dead", errorClass: ErrorClass, text: string): Classification {
  return { outcome, error_class: errorClass, error_text: cleanErrorText(text) };
}

/** Cuts a text to what is stored, without credentials that an agent may have echoed. */
export function cleanErrorText(text: string): string {
  return text
    .replace(/\beyJ[\w-]+\.[\w-]+(\.[\w-]*)?/g, "[key]")
    .replace(/\bsb_secret_[\w-]+/g, "[key]")
    .replace(/\b(Bearer|Basic)\s+[\w.~+/=-]+/gi, "$1 [key]")
    .replaceAll("\u0000", "")
    .slice(0, ERROR_TEXT_MAX_CHARS)
    .toWellFormed();
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? value as Record<string, unknown> : null;
  } catch {
    return null;
  }
}

/** The error of `{error: string}` or `{error: {message}}`. */
function readError(body: Record<string, unknown> | null): string | null {
  const error = body?.error;
  if (typeof error === "string" && error !== "") return error;
  if (typeof error !== "object" || error === null) return null;
  const { message } = error as Record<string, unknown>;
  return typeof message === "string" && message !== "" ? message : null;
}

/** The code of `{code}` or `{error: {code}}`. */
function readCode(body: Record<string, unknown> | null): unknown {
  const error = body?.error;
  if (typeof error === "object" && error !== null && "code" in error) return error.code;
  return body?.code;
}

function describeStatus({ status, text }: Received): string {
  return text.trim() === "" ? `status ${status}` : `status ${status}: ${text.trim()}`;
}
