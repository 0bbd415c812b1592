// What an agent's answer means for the attempt: success, try again, or dead. Serves stage 5, step
// call. Pure: the table of the agent contract, top to bottom.
import type { StepConfig } from "../contract/compiled_workflow.ts";
import type { ErrorClass } from "../contract/statuses.ts";
import type { JobResult } from "../database/rows.ts";
import { findUnstorable } from "../database/storable.ts";
import { hideCredentials } from "../redact.ts";
import type { CallOutcome } from "./call.ts";
import { parseRetryAfter, readRetryAfterMs } from "./retry_after.ts";

export const ERROR_TEXT_MAX_CHARS = 2_000;

/** A result but for what only the flight knows: its lease, its number and its logs. */
export type Classification = Omit<JobResult, "job_id" | "lease_token" | "attempt" | "logs">;

/** What a step's config says about its answers. */
export type AnswerRules = Pick<
  StepConfig,
  "mode" | "may_append" | "callback_timeout_ms" | "callback_heartbeat_ms"
>;

/** A classification, and the steps that the agent wants to be appended, unchecked. */
export type Classified = Classification & { steps?: unknown };

type Received = Extract<CallOutcome, { kind: "received" }>;

/**
 * Classifies an answer. `nowMs` is the time since 1970, for a Retry-After that is a date. Without
 * `rules` the answer is one that is final and appends nothing.
 */
export function classifyOutcome(
  outcome: CallOutcome,
  nowMs: number,
  rules: AnswerRules = {},
): Classified {
  switch (outcome.kind) {
    case "received":
      return { status_code: outcome.status, ...classifyAnswer(outcome, nowMs, rules) };
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

/** Classifies what an agent posted to its callback URL: the body that a call would have answered. */
export function classifyCallback(text: string, rules: AnswerRules): Classified {
  return classifySuccess({ text, isCut: false }, rules);
}

/** The answer is larger than may be kept, be it that of a call or of a callback. */
export function refuseLargeOutput(detail: string): Classification {
  return fail("dead", "output_too_large", detail);
}

function classifyAnswer(answer: Received, nowMs: number, rules: AnswerRules): Classified {
  const { status } = answer;
  if (status === 202 && rules.mode === "async") return parkForCallback(rules);
  if (status >= 200 && status < 300) return classifySuccess(answer, rules);
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

function parkForCallback(rules: AnswerRules): Classification {
  const { callback_timeout_ms: park_ms, callback_heartbeat_ms: heartbeat_ms } = rules;
  return {
    outcome: "park",
    parked: { for: "callback", ...(heartbeat_ms === undefined ? {} : { heartbeat_ms }) },
    ...(park_ms === undefined ? {} : { park_ms }),
  };
}

function classifySuccess(
  answer: Pick<Received, "text" | "isCut">,
  rules: AnswerRules,
): Classified {
  if (answer.isCut) return refuseLargeOutput("the answer is larger than may be kept");
  const body = parseObject(answer.text);
  if (body === null || typeof body.ok !== "boolean") {
    const start = answer.text === "" ? "nothing" : answer.text.slice(0, 200);
    return fail("dead", "invalid_response", `expected JSON with a boolean ok, got ${start}`);
  }
  if (!body.ok) return classifyRefusal(body);
  const { ok: _, ...rest } = body;
  const steps = rules.may_append ? rest.steps ?? undefined : undefined;
  if (rules.may_append) delete rest.steps;
  const output = Object.hasOwn(body, "output") ? body.output : rest;
  for (const [name, value] of [["output", output], ["list of steps", steps]]) {
    const unstorable = findUnstorable(value);
    if (unstorable !== null) return fail("dead", "invalid_response", `the ${name} ${unstorable}`);
  }
  return { outcome: "success", output, ...(steps === undefined ? {} : { steps }) };
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
  return hideCredentials(text)
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
