// What an attempt to send means for its job: delivered, again after a while, or dead; and whether its
// destination is given up. The schedule is the one of Standard Webhooks. Pure.
import type { ErrorClass } from "../contract/statuses.ts";
import type { JobResult } from "../database/rows.ts";
import { cleanErrorText } from "../worker/classify.ts";
import { parseRetryAfter } from "../worker/retry_after.ts";
import type { DestinationKind } from "../contract/notifications.ts";
import type { PostOutcome } from "./post.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** The waits between attempts: one attempt more than there are waits. */
export const RETRY_WAITS_MS: readonly number[] = [
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
];

export const DELIVERY_ATTEMPTS = RETRY_WAITS_MS.length + 1;

/** Waits are longer by up to this part of them, so that receivers that were away are not stormed. */
const JITTER = 0.1;

/** No more of what a receiver says is kept. */
const ANSWER_MAX_CHARS = 200;

/** Answers of Slack after which no other message gets through either: gone, archived, not allowed. */
const SLACK_GIVES_UP: readonly number[] = [403, 404, 410];
const WEBHOOK_GIVES_UP: readonly number[] = [410];

export interface Verdict {
  result: Omit<JobResult, "job_id" | "lease_token" | "attempt" | "logs">;
  /** Why the destination is disabled. */
  disableReason?: string;
}

export interface Attempt {
  /** From 1; goes on after a retry by hand, which gives another round. */
  attempt: number;
  kind: DestinationKind;
  nowMs: number;
  /** 0 to 1. */
  random: number;
}

export function judgeAttempt(outcome: PostOutcome, attempt: Attempt): Verdict {
  if (outcome.kind === "refused") {
    return { result: { outcome: "dead", error_class: "internal", error_text: outcome.message } };
  }
  if (outcome.kind !== "answered") {
    const isLate = outcome.kind === "timeout";
    const text = isLate ? `no answer within ${outcome.timeoutMs} ms` : outcome.message;
    return retry(isLate ? "timeout" : "network", text, attempt);
  }
  const { status, text: answer } = outcome;
  const status_code = status;
  if (status >= 200 && status < 300) {
    return { result: { outcome: "success", output: { status }, status_code } };
  }
  const text = describeAnswer(status, answer);
  const givesUp = attempt.kind === "slack" ? SLACK_GIVES_UP : WEBHOOK_GIVES_UP;
  if (givesUp.includes(status)) {
    const result = {
      outcome: "dead",
      error_class: "http_4xx",
      error_text: text,
      status_code,
    } as const;
    return { result, disableReason: `it answered ${text}` };
  }
  const waitMs = parseRetryAfter(outcome.retryAfter, attempt.nowMs);
  const { result, disableReason } = retry(nameClass(status), text, attempt, waitMs);
  return { result: { ...result, status_code }, disableReason };
}

function retry(
  error_class: ErrorClass,
  message: string,
  { attempt, random }: Attempt,
  askedMs = 0,
): Verdict {
  const error_text = cleanErrorText(message);
  const wait = RETRY_WAITS_MS[(attempt - 1) % DELIVERY_ATTEMPTS];
  if (wait === undefined) {
    return {
      result: { outcome: "dead", error_class, error_text },
      disableReason: `${DELIVERY_ATTEMPTS} attempts to send a message failed, the last one with: ` +
        error_text.slice(0, ANSWER_MAX_CHARS),
    };
  }
  const retry_after_ms = Math.max(askedMs, Math.ceil(wait * (1 + JITTER * random)));
  return { result: { outcome: "retry", error_class, error_text, retry_after_ms } };
}

function nameClass(status: number): ErrorClass {
  if (status === 429) return "rate_limited";
  if (status >= 500) return "http_5xx";
  return status >= 400 ? "http_4xx" : "invalid_response";
}

function describeAnswer(status: number, text: string): string {
  if (status < 400) return `status ${status}: redirects are not followed`;
  const said = cleanErrorText(text.trim()).slice(0, ANSWER_MAX_CHARS);
  return said === "" ? `status ${status}` : `status ${status}: ${said}`;
}
