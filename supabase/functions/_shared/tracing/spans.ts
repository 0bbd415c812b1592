// A run as spans: the run, a child for each job, a child of that for each attempt. Names and attributes
// follow OpenTelemetry's conventions where there are any; nothing that went in or came out is told. Pure.
import type { TracedJob, TracedRun } from "../database/trace_rows.ts";
import { listAttributes, type Span } from "./otlp.ts";
import {
  deriveAttemptSpanId,
  deriveJobSpanId,
  deriveRunSpanId,
  deriveTraceId,
  readParentSpanId,
} from "./span_ids.ts";

/** The span of a run. What runs in a trace of its own is linked to what it comes from. */
export function buildRunSpan(run: TracedRun): Span {
  const { workflow_run_id, trace_parent, since_us, parent, restarted_from } = run;
  // A round of a run that was restarted in place belongs to the run as it first was.
  const parentSpanId = since_us === null
    ? readParentSpanId(trace_parent)
    : deriveRunSpanId({ workflow_run_id });
  const links = [
    ...(parent === null ? [] : [{ traceId: findTraceId(parent), spanId: deriveJobSpanId(parent) }]),
    ...(restarted_from === null
      ? []
      : [{ traceId: findTraceId(restarted_from), spanId: deriveRunSpanId(restarted_from) }]),
  ];
  return {
    ...identify(run, deriveRunSpanId(run), parentSpanId),
    name: run.workflow_key,
    kind: 1,
    ...time(since_us ?? run.started_us, run.finished_us),
    attributes: listAttributes({
      "orchestrator.workflow": run.workflow_key,
      "orchestrator.workflow.version": run.version,
      "orchestrator.run_id": workflow_run_id,
      "orchestrator.trigger": run.trigger_type,
      "orchestrator.status": run.status,
    }),
    ...(links.length > 0 ? { links } : {}),
    status: { code: run.status === "failed" ? 2 : 0 },
  };
}

/** The spans of a job: its own and those of its attempts. Items of a fan-out are children of their step. */
export function buildJobSpans(run: TracedRun, job: TracedJob): Span[] {
  const { workflow_run_id, since_us } = run;
  const ref = { ...job, workflow_run_id, since_us };
  const spanId = deriveJobSpanId(ref);
  const isItem = job.item_index >= 0;
  const parentSpanId = isItem ? deriveJobSpanId({ ...ref, item_index: -1 }) : deriveRunSpanId(run);
  const common = {
    "orchestrator.workflow": run.workflow_key,
    "orchestrator.run_id": workflow_run_id,
    "orchestrator.step": job.step_id,
    "orchestrator.item": isItem ? job.item_index : null,
  };
  return [
    {
      ...identify(run, spanId, parentSpanId),
      name: job.step_id,
      kind: 1,
      ...time(job.started_us, job.finished_us),
      attributes: listAttributes({
        ...common,
        "orchestrator.status": job.status,
        "orchestrator.skip_reason": job.skip_reason,
        "error.type": job.status === "dead" ? job.error_class : null,
      }),
      status: describeEnd(job.status === "dead", job.error_class),
    },
    ...job.attempts.map((attempt): Span => ({
      ...identify(
        run,
        deriveAttemptSpanId({ ...attempt, workflow_run_id, job_id: job.job_id }),
        spanId,
      ),
      name: job.calls ? `${job.method} ${job.agent}` : job.kind,
      kind: job.calls ? 3 : 1,
      ...time(attempt.started_us, attempt.finished_us),
      attributes: listAttributes({
        ...common,
        "orchestrator.attempt": attempt.attempt,
        "orchestrator.agent": job.calls ? job.agent : null,
        "http.request.method": job.calls ? job.method : null,
        "http.response.status_code": attempt.status_code,
        "error.type": attempt.success ? null : attempt.error_class,
      }),
      status: describeEnd(!attempt.success, attempt.error_class),
    })),
  ];
}

function identify(
  { workflow_run_id, trace_parent, trace_state }: TracedRun,
  spanId: string,
  parentSpanId: string | undefined,
): Pick<Span, "traceId" | "spanId" | "parentSpanId" | "traceState"> {
  return {
    traceId: deriveTraceId(workflow_run_id, trace_parent),
    spanId,
    ...(parentSpanId === undefined ? {} : { parentSpanId }),
    ...(trace_state === null ? {} : { traceState: trace_state }),
  };
}

function findTraceId(
  other: { workflow_run_id: string; trace_parent: string | null },
): string {
  return deriveTraceId(other.workflow_run_id, other.trace_parent);
}

/** A clock that went back must not make a span that ends before it starts. */
function time(
  startedUs: number,
  finishedUs: number,
): Pick<Span, "startTimeUnixNano" | "endTimeUnixNano"> {
  return {
    startTimeUnixNano: `${startedUs}000`,
    endTimeUnixNano: `${Math.max(startedUs, finishedUs)}000`,
  };
}

/** The class alone: an error's text may quote what an agent answered. */
function describeEnd(isError: boolean, errorClass: string | null): Span["status"] {
  if (!isError) return { code: 0 };
  return { code: 2, ...(errorClass === null ? {} : { message: errorClass }) };
}
