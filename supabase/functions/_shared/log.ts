// The only writer of the console: one JSON line an event. Names that mean secrets or contents are
// redacted here, so that no caller can log them by accident.
import { hideCredentials, isSecretName, REDACTED } from "./redact.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

/** `stage.past_tense`, such as `step.called`. */
export type EventName = `${string}.${string}`;

/** Hosted logs cut a line at 10,000 characters; a cut line is no JSON any more. */
const MAX_LINE_LENGTH = 9_500;
const MAX_TEXT_LENGTH = 2_000;
const MAX_DEPTH = 6;

/**
 * What JSON lets stand as it is, but a terminal obeys or a reader of logs may take for a line's end: delete,
 * the second block of control characters, line separators, and marks that turn or hide text.
 */
const UNSEEN = /[\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** Writes one event. Fields are values by name; an Error becomes its name, message and cause. */
export function logEvent(
  level: LogLevel,
  event: EventName,
  fields: Record<string, unknown> = {},
): void {
  const line = formatEvent(level, event, fields, new Date());
  if (level === "error") console.error(line);
  else if (level === "warn") console.warn(line);
  else console.log(line);
}

/** The line that logEvent writes. Never throws: a log that fails must not fail the work. */
export function formatEvent(
  level: LogLevel,
  event: EventName,
  fields: Record<string, unknown>,
  at: Date,
): string {
  const head = { time: at.toISOString(), level, event };
  try {
    // The head comes last so that no field can pass itself off as the event.
    const cleaned = clean(fields, 0) as Record<string, unknown>;
    const line = write({ ...head, ...cleaned, ...head });
    if (line.length <= MAX_LINE_LENGTH) return line;
  } catch {
    // A getter or toJSON that throws; the event itself is still worth its line.
  }
  return write({ ...head, fields_dropped: Object.keys(fields).slice(0, 50) });
}

function write(record: Record<string, unknown>): string {
  return JSON.stringify(record).replace(
    UNSEEN,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function clean(value: unknown, depth: number): unknown {
  if (typeof value === "string") return cleanText(value);
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (depth >= MAX_DEPTH) return "[too deep]";
  if (value instanceof Error) return cleanError(value, depth);
  if (Array.isArray(value)) return value.map((item) => clean(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      isForbidden(name, member) ? REDACTED : clean(member, depth + 1),
    ]),
  );
}

function cleanError(error: Error, depth: number): Record<string, unknown> {
  return {
    name: error.name,
    message: cleanText(error.message),
    ...("kind" in error ? { kind: clean(error.kind, depth + 1) } : {}),
    ...(error.cause === undefined ? {} : { cause: clean(error.cause, depth + 1) }),
  };
}

function cleanText(text: string): string {
  const scrubbed = hideCredentials(text);
  return scrubbed.length <= MAX_TEXT_LENGTH ? scrubbed : `${scrubbed.slice(0, MAX_TEXT_LENGTH)}…`;
}

/** Numbers such as `token_count` and flags say nothing that is secret. */
function isForbidden(name: string, value: unknown): boolean {
  if (value === null || typeof value === "number" || typeof value === "boolean") return false;
  return isSecretName(name);
}
