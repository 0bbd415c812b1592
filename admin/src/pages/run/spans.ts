// What a step did over time, as stretches of waiting and running, for the timeline and its text. Pure.
import type { Attempt, RunJob } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { formatSpan } from "../../ui/time.ts";
import { hasEnded, isUnderWay } from "./steps.ts";

/** `parked`: waits without a worker for what it waits for, which is its work. */
export type SpanKind = "waiting" | "parked" | "items" | "running";

export interface Span {
  kind: SpanKind;
  /** Milliseconds since 1970. */
  from: number;
  to: number;
  outcome: "success" | "failed" | "open" | null;
  text: string;
}

export function listSpans(
  job: RunJob,
  readyAt: string | null,
  nowMs: number,
): Span[] {
  const spans: Span[] = [];
  const idle = findIdleKind(job);
  // A late result belongs to a lease that another one had followed already.
  const attempts = job.attempt_history.filter(({ is_late }) => !is_late);
  const readyMs = readyAt === null ? Infinity : Date.parse(readyAt);
  let cursor = Math.min(
    readyMs,
    Date.parse(attempts[0]?.started_at ?? at(nowMs)),
  );
  const rest = (to: number, kind: SpanKind, isOpen = false) => {
    // Done again, it waits since what is before it has ended once more; in between it was at rest.
    const roundAt = [readyMs, Date.parse(job.started_at ?? "")].find((ms) =>
      ms > cursor && ms <= to
    );
    if (readyMs === roundAt) cursor = readyMs;
    else if (spans.at(-1)?.outcome === "success") cursor = roundAt ?? to;
    if (to <= cursor) return;
    spans.push({
      kind,
      from: cursor,
      to,
      outcome: isOpen ? "open" : null,
      text: `${IDLE_WORDS[kind]} ${formatSpan(to - cursor)}`,
    });
    cursor = to;
  };
  for (const attempt of attempts) {
    const span = spanAttempt(
      attempt,
      idle === "parked" && job.kind !== "call" ? idle : "running",
    );
    rest(span.from, idle);
    spans.push(span);
    cursor = Math.max(cursor, span.to);
  }
  if (isUnderWay(job)) {
    const from = Math.max(cursor, Date.parse(job.leased_at ?? at(nowMs)));
    rest(from, idle);
    spans.push({
      kind: "running",
      from,
      to: Math.max(from, nowMs),
      outcome: "open",
      text: `attempt ${job.attempts} under way for ${formatSpan(Math.max(0, nowMs - from))}`,
    });
  } else if (job.status === "parked") {
    rest(nowMs, idle, true);
  } else if (job.status === "queued" || job.status === "failed") {
    rest(nowMs, "waiting", true);
  } else if (hasEnded(job) && job.finished_at !== null) {
    rest(
      Date.parse(job.finished_at),
      job.started_at === null ? "waiting" : idle,
    );
  }
  return spans;
}

function at(ms: number): string {
  return new Date(ms).toISOString();
}

const IDLE_WORDS: Record<SpanKind, string> = {
  waiting: "waited",
  parked: "waited without a worker",
  items: "worked on items for",
  running: "ran",
};

function findIdleKind({ items, kind, payload, parked, status }: RunJob) {
  if (items) return "items" as const;
  const isParking = kind === "wait" || kind === "sleep" ||
    kind === "workflow" || payload.mode === "async" ||
    status === "parked" || parked !== null;
  return isParking ? "parked" as const : "waiting" as const;
}

/** The attempt of a step that waits is its waiting. */
function spanAttempt(attempt: Attempt, kind: SpanKind): Span {
  const from = Date.parse(attempt.started_at);
  const to = Date.parse(attempt.finished_at);
  return {
    kind,
    from,
    to,
    outcome: attempt.success ? "success" : "failed",
    text: describeAttempt(attempt),
  };
}

export function describeAttempt(attempt: Attempt): string {
  const took = formatSpan(
    Date.parse(attempt.finished_at) - Date.parse(attempt.started_at),
  );
  const end = attempt.success
    ? `succeeded after ${took}`
    : `failed after ${took} (${attempt.error_class ?? "no class"})`;
  return `attempt ${attempt.attempt} ${end}`;
}

const NICE_STEPS_MS = [
  1,
  2,
  5,
  10,
  20,
  50,
  100,
  200,
  500, // milliseconds
  ...[1, 2, 5, 10, 15, 30].map((seconds) => seconds * 1_000),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * 60_000),
  ...[1, 2, 3, 6, 12].map((hours) => hours * 3_600_000),
];
const DAY_MS = 86_400_000;

/** Where the lines of an axis of this length stand, in round numbers, `most` of them or fewer. */
export function listTicks(lengthMs: number, most = 6): number[] {
  const step = NICE_STEPS_MS.find((ms) => lengthMs / ms <= most) ??
    DAY_MS * Math.ceil(lengthMs / DAY_MS / most);
  return Array.from(
    { length: Math.floor(lengthMs / step) + 1 },
    (_, index) => index * step,
  );
}
