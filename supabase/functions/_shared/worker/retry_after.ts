// The two forms of the header Retry-After (RFC 9110, section 10.2.3), as milliseconds. Pure.

/** A longer wait than this is a mistake of the agent; the job is tried again after it. */
export const RETRY_AFTER_MAX_MS = 24 * 3_600_000;

/** The three forms of an HTTP date; the last one, asctime, leaves GMT unsaid. */
const HTTP_DATE = /^[A-Z][a-z]{2,8},? .*\d\d:\d\d:\d\d (GMT|\d{4})$/;

/** Reads seconds or an HTTP date; undefined for anything else. `nowMs` is the time since 1970. */
export function parseRetryAfter(header: string | null, nowMs: number): number | undefined {
  const text = header?.trim() ?? "";
  if (/^\d+(\.\d+)?$/.test(text)) return clampWait(Number(text) * 1_000);
  if (!HTTP_DATE.test(text)) return undefined;
  const date = Date.parse(text.endsWith("GMT") ? text : `${text} GMT`);
  return Number.isNaN(date) ? undefined : clampWait(date - nowMs);
}

/** Reads the member retry_after_ms of an agent's answer; undefined if it is no such number. */
export function readRetryAfterMs(value: unknown): number | undefined {
  return typeof value === "number" && value >= 0 ? clampWait(value) : undefined;
}

function clampWait(ms: number): number {
  return Math.min(RETRY_AFTER_MAX_MS, Math.max(0, Math.ceil(ms)));
}
