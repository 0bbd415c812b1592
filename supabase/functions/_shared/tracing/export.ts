// Exports runs that have ended: claims some, reads their jobs page by page, sends their spans, and settles
// the claims. An exporter that dies leaves claims that end by themselves; a claim is exported at least once,
// with the same ids each time.
import type { Rpc } from "../database/rpc.ts";
import type { GoneRun, TraceClaim, TracedJob, TracedRun } from "../database/trace_rows.ts";
import { logEvent } from "../log.ts";
import type { SendOutcome, Span } from "./otlp.ts";
import { buildJobSpans, buildRunSpan } from "./spans.ts";

export type TraceRpc = Pick<Rpc, "claimTraces" | "listTraceJobs" | "settleTraces">;

export interface ExportDeps {
  rpc: TraceRpc;
  send(spans: Span[]): Promise<SendOutcome>;
  /** Milliseconds, for the time that one export may take. */
  now(): number;
}

export interface ExportCounts {
  traces_exported: number;
  spans_exported: number;
}

/** Runs of one claim: many, because most are small. */
const CLAIM_LIMIT = 20;
/** Longer than a claim takes to be sent, a run of 10,000 jobs included; after this another exporter may. */
const LEASE_MS = 120_000;
/** Jobs of one page, over all runs of a claim. */
const PAGE_JOBS = 1_000;
/** Spans of one request, as the batches of OpenTelemetry's own exporters. */
const REQUEST_SPANS = 512;
/** After this time no further claim is made: what is left is the next exporter's. */
const MAX_MS = 20_000;
/** Doubled with each try. */
const RETRY_INITIAL_MS = 5_000;
const RETRY_MAX_MS = 600_000;

/** Exports what is due, for a bounded time; stops at the first request that has to be tried again. */
export async function exportTraces(deps: ExportDeps): Promise<ExportCounts> {
  const counts: ExportCounts = { traces_exported: 0, spans_exported: 0 };
  const endsAt = deps.now() + MAX_MS;
  while (deps.now() < endsAt) {
    const { runs, dropped } = await deps.rpc.claimTraces({ limit: CLAIM_LIMIT, leaseMs: LEASE_MS });
    if (dropped > 0) logEvent("warn", "traces.expired", { runs: dropped });
    if (runs.length === 0) break;
    const gone = runs.filter((run) => run.status === null);
    await forget(deps.rpc, gone);
    const isOver = await exportRuns(runs.filter(isThere), deps, counts);
    if (isOver || runs.length < CLAIM_LIMIT) break;
  }
  return counts;
}

/** True: the receiver wants no more for now. */
async function exportRuns(
  runs: TracedRun[],
  deps: ExportDeps,
  counts: ExportCounts,
): Promise<boolean> {
  if (runs.length === 0) return false;
  let spans = 0;
  for await (const batch of batchSpans(runs, deps.rpc)) {
    const outcome = await deps.send(batch);
    if (outcome.kind === "sent") {
      spans += batch.length - outcome.rejected;
      if (outcome.rejected > 0) {
        logEvent("warn", "traces.rejected", { spans: outcome.rejected, error: outcome.message });
      }
    } else if (outcome.kind === "retry") {
      await putOff(runs, outcome, deps.rpc);
      return true;
    } else if (outcome.isBody && runs.length > 1) {
      // One of them may have what the receiver does not take; the others must not go with it.
      for (const run of runs) if (await exportRuns([run], deps, counts)) return true;
      return false;
    } else {
      logEvent("error", "traces.refused", {
        runs: runs.length,
        run_id: runs[0].workflow_run_id,
        error: outcome.message,
      });
      await forget(deps.rpc, runs);
      return !outcome.isBody;
    }
  }
  await forget(deps.rpc, runs);
  counts.traces_exported += runs.length;
  counts.spans_exported += spans;
  return false;
}

/** The spans of runs in requests of a bounded size, read page by page. */
async function* batchSpans(runs: TracedRun[], rpc: TraceRpc): AsyncGenerator<Span[]> {
  let spans = runs.map(buildRunSpan);
  for await (const [run, job] of readJobs(runs, rpc)) {
    spans.push(...buildJobSpans(run, job));
    while (spans.length >= REQUEST_SPANS) {
      yield spans.slice(0, REQUEST_SPANS);
      spans = spans.slice(REQUEST_SPANS);
    }
  }
  if (spans.length > 0) yield spans;
}

async function* readJobs(
  runs: TracedRun[],
  rpc: TraceRpc,
): AsyncGenerator<[TracedRun, TracedJob]> {
  let open = runs.map((run): { run: TracedRun; last?: TracedJob } => ({ run }));
  while (open.length > 0) {
    const limit = Math.ceil(PAGE_JOBS / open.length);
    const jobs = await rpc.listTraceJobs({
      runs: open.map(({ run, last }) => ({
        workflow_run_id: run.workflow_run_id,
        since_us: run.since_us,
        ...(last === undefined
          ? {}
          : { after_step_no: last.step_no, after_item_index: last.item_index }),
      })),
      limit,
    });
    const pages = Map.groupBy(jobs, (job) => job.workflow_run_id);
    for (const { run } of open) {
      for (const job of pages.get(run.workflow_run_id) ?? []) yield [run, job];
    }
    open = open.flatMap(({ run }) => {
      const page = pages.get(run.workflow_run_id) ?? [];
      return page.length < limit ? [] : [{ run, last: page.at(-1) }];
    });
  }
}

async function putOff(
  runs: TracedRun[],
  { afterMs, message }: Extract<SendOutcome, { kind: "retry" }>,
  rpc: TraceRpc,
): Promise<void> {
  logEvent("warn", "traces.put_off", { runs: runs.length, tries: runs[0].tries, error: message });
  await rpc.settleTraces({
    results: runs.map(({ workflow_run_id, lease_token, tries }) => ({
      workflow_run_id,
      lease_token,
      retry_ms: Math.max(
        afterMs ?? 0,
        Math.min(RETRY_MAX_MS, RETRY_INITIAL_MS * 2 ** (tries - 1)),
      ),
    })),
  });
}

async function forget(rpc: TraceRpc, claims: TraceClaim[]): Promise<void> {
  if (claims.length === 0) return;
  await rpc.settleTraces({
    results: claims.map(({ workflow_run_id, lease_token }) => ({
      workflow_run_id,
      lease_token,
      retry_ms: null,
    })),
  });
}

function isThere(run: TracedRun | GoneRun): run is TracedRun {
  return run.status !== null;
}
