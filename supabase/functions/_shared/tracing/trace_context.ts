// W3C Trace Context: what a caller's headers say of the trace that a run belongs to, and the headers that
// its agents get. https://www.w3.org/TR/trace-context/
import type { LeasedJob, TraceContext } from "../database/rows.ts";
import { deriveAttemptSpanId, deriveTraceId } from "./span_ids.ts";

/** Version, trace id, parent id, flags; a later version may say more behind these. */
const TRACE_PARENT =
  /^(?!ff)([0-9a-f]{2})-((?!0{32})[0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
/** Of the state no more is passed on than everybody must pass on. */
const TRACE_STATE = /^[ -~]{1,512}$/;

/** The trace that a request is part of; without members where it names none, or one that is not valid. */
export function readTraceContext(headers: Headers): TraceContext {
  const [, version, traceId, parentId, flags, more] =
    TRACE_PARENT.exec(headers.get("traceparent") ?? "") ?? [];
  if (traceId === undefined || (version === "00" && more !== undefined)) return {};
  const sampled = parseInt(flags, 16) & 1;
  const state = headers.get("tracestate") ?? "";
  return {
    trace_parent: `00-${traceId}-${parentId}-0${sampled}`,
    ...(TRACE_STATE.test(state) ? { trace_state: state } : {}),
  };
}

/** The headers by which an agent's own spans become children of the attempt that called it. */
export function buildTraceHeaders(
  { workflow_run_id, job_id, attempt, trace }: LeasedJob,
): Record<string, string> {
  if (trace === undefined) return {};
  const traceId = deriveTraceId(workflow_run_id, trace.trace_parent);
  const spanId = deriveAttemptSpanId({
    workflow_run_id,
    job_id,
    attempt,
    started_us: trace.leased_us,
  });
  return {
    traceparent: `00-${traceId}-${spanId}-${isSampled(trace.trace_parent) ? "01" : "00"}`,
    ...(trace.trace_state === null ? {} : { tracestate: trace.trace_state }),
  };
}

/** A run without a caller's trace is recorded. */
function isSampled(traceParent: string | null): boolean {
  return traceParent === null || traceParent.endsWith("-01");
}
