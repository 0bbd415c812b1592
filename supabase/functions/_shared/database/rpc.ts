// The one seam to SQL: a method for every function that the database offers, with the same name.
// Results are declared rather than parsed; only the lists that a caller walks at once are looked at.
import { OrchestratorError, type Problem } from "../contract/errors.ts";
import type { AppendedPlan, CompiledWorkflow } from "../contract/compiled_workflow.ts";
import type * as dashboard from "../contract/dashboard.ts";
import type { HookSource } from "../contract/hooks.ts";
import type { Progress } from "../contract/answers/progress.ts";
import type { Delivery, DeliveryStatus, Destination } from "../contract/notifications.ts";
import type { JobStatus } from "../contract/statuses.ts";
import type { ActionName, Actions, Actor } from "./actions.ts";
import { writeColumns } from "./columns.ts";
import type * as rows from "./rows.ts";
import { joinLease } from "./join_lease.ts";
import type { GoneRun, TraceClaim, TracedJob, TracedRun } from "./trace_rows.ts";
import type { Transport } from "./transport.ts";

export type Rpc = ReturnType<typeof createRpc>;

/** Builds the seam over a transport. Every method throws what the transport throws. */
export function createRpc(transport: Transport) {
  const call = transport.callFunction as <T>(name: string, args: rows.Json) => Promise<T>;
  return {
    publishWorkflow: (a: {
      compiled: CompiledWorkflow;
      source: string;
      sourcePath?: string | null;
      sourceEtag?: string | null;
    }) => call<rows.PublishedWorkflow>("publish_workflow", prefix(a)),

    rejectWorkflowFile: (
      a: { sourcePath: string; sourceEtag: string | null; problems: Problem[] },
    ) => call<rows.Json>("reject_workflow_file", prefix(a)),

    removeWorkflowFile: (a: { sourcePath: string }) =>
      call<{ result: "archived" | "forgotten" }>("remove_workflow_file", prefix(a)),

    archiveWorkflow: (a: { workflowKey: string }) =>
      call<{ result: "archived" | "not_found" }>("archive_workflow", prefix(a)),

    listStaleWorkflowFiles: (a: { bucket?: string } = {}) =>
      call<rows.StaleWorkflowFile[]>("list_stale_workflow_files", prefix(a))
        .then(asList),

    listWorkflows: () => call<rows.WorkflowRow[]>("list_workflows", {}).then(asList),

    getWorkflow: (a: { workflowKey: string }) =>
      call<rows.WorkflowDetail | null>("get_workflow", prefix(a)),

    getWorkflowVersion: (a: { workflowKey: string; version: number }) =>
      call<dashboard.WorkflowVersion | null>("get_workflow_version", prefix(a)),

    dispatchWorkflows: (a: { requests: rows.DispatchRequest[]; ring?: boolean }) =>
      call<rows.Dispatched>("dispatch_workflows", prefix(a)).then((it) => withList(it, "runs")),

    dispatchWorkflow: (a: {
      userId: string;
      workflowKey: string;
      intentId?: string | null;
      payload?: rows.Json;
      idempotencyKey?: string | null;
      runAt?: string | null;
      priority?: number | null;
    }) => call<rows.DispatchedRun>("dispatch_workflow", prefix(a)),

    insertEvent: (a: {
      userId: string;
      type: string;
      intentId?: string | null;
      payload?: rows.Json;
      idempotencyKey?: string | null;
      traceParent?: string;
      traceState?: string;
    }) => call<rows.InsertedEvent>("insert_event", prefix(a)),

    leaseJobs: (a: { workerId: string; limit: number; leaseMs: number }) =>
      call<rows.SentLease>("lease_jobs", prefix(a)).then((it) => joinLease(checkLease(it))),

    completeJobs: (a: {
      workerId: string;
      results: rows.JobResult[];
      leaseLimit?: number;
      leaseMs?: number;
    }) =>
      call<rows.SentLease & Pick<rows.Settlement, "results">>(
        "complete_jobs",
        prefix({ ...a, results: writeColumns(a.results) }),
      )
        .then((it): rows.Settlement => ({
          ...joinLease(checkLease(it)),
          results: withSuccesses(a.results, withList(it, "results").results),
        })),

    heartbeatJobs: (a: { workerId: string; leases: rows.HeldLease[]; leaseMs: number }) =>
      call<{ lost: number[] }>("heartbeat_jobs", prefix(a)).then((it) => withList(it, "lost")),

    snoozeJobs: (a: {
      workerId: string;
      leases: (rows.HeldLease & { delay_ms: number })[];
    }) => call<{ released: number }>("snooze_jobs", prefix(a)),

    handBackJobs: (a: { workerId: string; leases: rows.HeldLease[] }) =>
      call<{ released: number }>("hand_back_jobs", prefix(a)),

    startWorker: (a: { workerId: string; maxWorkers: number }) =>
      call<{ accepted: boolean }>("start_worker", prefix(a)),

    stopWorker: (a: { workerId: string; force?: boolean }) =>
      call<{ stopped: boolean }>("stop_worker", prefix(a)),

    ringWorker: () => call<{ rung: boolean }>("ring_worker", {}),

    cancelRun: (a: { workflowRunId: string; reason?: string | null }) =>
      call<rows.CancelledRun>("cancel_run", prefix(a)),

    retryJob: (a: { jobId: number }) => call<rows.RedrivenJob>("retry_job", prefix(a)),

    resetJob: (a: { jobId: number }) => call<rows.RedrivenJob>("reset_job", prefix(a)),

    restartRun: (a: {
      workflowRunId: string;
      mode: "failed" | "step" | "whole";
      stepId?: string;
      definition?: "same" | "latest";
      payload?: rows.Json;
      ring?: boolean;
    }) => call<rows.RestartedRun>("restart_run", prefix(a)),

    processSignals: () => call<{ processed: number }>("process_signals", {}),

    completeCallback: (a: {
      jobId: number;
      generation: number;
      attempt: number;
      result: Omit<rows.JobResult, "job_id" | "lease_token">;
    }) => call<rows.SettledCallback>("complete_callback", prefix(a)),

    heartbeatCallback: (a: { jobId: number; generation: number; attempt: number }) =>
      call<{ result: "extended" | "not_found" | "conflict"; status: JobStatus | null }>(
        "heartbeat_callback",
        prefix(a),
      ),

    decideWait: (a: {
      jobId: number;
      isApproved: boolean;
      actor?: string | null;
      payload?: rows.Json;
    }) => call<rows.DecidedWait>("decide_wait", prefix(a)),

    appendSteps: (a: { workflowRunId: string; plan: AppendedPlan }) =>
      call<rows.AppendedSteps>("append_steps", prefix(a)),

    getPlan: (a: { workflowRunId: string }) => call<rows.RunPlan | null>("get_plan", prefix(a)),

    listStaleOutputs: (a: { limit: number }) =>
      call<{ paths: string[] }>("list_stale_outputs", prefix(a)).then((it) =>
        withList(it, "paths")
      ),

    forgetOutputs: (a: { paths: string[] }) => call<rows.Json>("forget_outputs", prefix(a)),

    listArchiveBatches: (a: { limit: number }) =>
      call<{ batches: rows.ArchiveBatch[] }>("list_archive_batches", prefix(a)).then((it) =>
        withList(it, "batches")
      ),

    readArchive: (a: { workflowRunId: string; afterJob: number; maxBytes: number }) =>
      call<rows.ArchivedRun | null>("read_archive", prefix(a)),

    finishArchive: (a: { batchId: number; workflowRunIds: string[] }) =>
      call<{ archived: boolean }>("finish_archive", prefix(a)),

    takeTokens: (a: { key: string; tokens?: number; peek?: boolean }) =>
      call<rows.TakenTokens>("take_tokens", prefix(a)),

    claimDueSchedules: (a: { limit: number }) =>
      call<{ now: string; schedules: rows.ClaimedSchedule[] }>("claim_due_schedules", prefix(a))
        .then((it) => withList(it, "schedules")),

    fireSchedules: (a: { schedules: rows.ScheduleFiring[]; ring?: boolean }) =>
      call<{ fired: number; runs: number }>("fire_schedules", prefix(a)),

    subscribeSchedule: (a: {
      workflowKey: string;
      userId: string;
      timezone?: string | null;
      intentId?: string | null;
      payload?: rows.Json;
    }) => call<{ result: string; schedule_id: string | number }>("subscribe_schedule", prefix(a)),

    unsubscribeSchedule: (a: { workflowKey: string; userId: string }) =>
      call<{ result: string }>("unsubscribe_schedule", prefix(a)),

    listRuns: (a: { filter?: dashboard.RunFilter; limit?: number; before?: string }) =>
      call<dashboard.ListedRun[]>("list_runs", prefix(a)).then(asList),

    countRuns: (a: { filter?: dashboard.RunFilter; action?: dashboard.BulkAction }) =>
      call<dashboard.RunCount>("count_runs", prefix(a)),

    getRun: (a: { workflowRunId: string }) => call<dashboard.Run | null>("get_run", prefix(a)),

    listItems: (a: { workflowRunId: string; stepId: string; limit?: number; after?: number }) =>
      call<rows.JobDetail[]>("list_items", prefix(a)).then(asList),

    listJobs: (a: { filter?: rows.JobFilter; limit?: number; before?: number }) =>
      call<dashboard.ListedJob[]>("list_jobs", prefix(a)).then(asList),

    countJobs: (a: { filter?: rows.JobFilter }) =>
      call<dashboard.JobCount>("count_jobs", prefix(a)),

    getJob: (a: { jobId: number }) => call<rows.JobDetail | null>("get_job", prefix(a)),

    describeCall: (a: { jobId: number }) =>
      call<
        | rows.SentLease & Pick<rows.DescribedCall, "status" | "open_dependencies">
        | null
      >("describe_call", prefix(a)).then((it): rows.DescribedCall | null => {
        if (it === null) return null;
        const { jobs: [job] } = joinLease(checkLease(it));
        return { ...job, status: it.status, open_dependencies: it.open_dependencies };
      }),

    listSchedules: (a: { workflowKey?: string; limit?: number; after?: number }) =>
      call<rows.ScheduleRow[]>("list_schedules", prefix(a)).then(asList),

    listRateLimits: (a: { text?: string; limit?: number; after?: string }) =>
      call<Omit<dashboard.RateLimits, "next_after">>("list_rate_limits", prefix(a)).then((it) =>
        withList(it, "buckets")
      ),

    getOverview: (a: { window: dashboard.OverviewWindow }) =>
      call<dashboard.Overview>("get_overview", prefix(a)),

    act: <Name extends ActionName>(
      a: { actor: Actor; action: Name; args: Actions[Name]["args"] },
    ) => call<Actions[Name]["answer"]>("act", prefix(a)),

    listAudit: (a: { filter?: rows.AuditFilter; limit?: number; before?: number }) =>
      call<dashboard.AuditRow[]>("list_audit", prefix(a)).then(asList),

    listHooks: () => call<HookSource[]>("list_hooks", {}).then(asList),

    getHook: (a: { source: string }) => call<HookSource | null>("get_hook", prefix(a)),

    openHook: (a: { source: string }) => call<rows.OpenedHook | null>("open_hook", prefix(a)),

    getOperator: (a: { userId: string }) => call<rows.Operator | null>("get_operator", prefix(a)),

    listOperators: () => call<rows.GrantedOperator[]>("list_operators", {}).then(asList),

    listTriggerKeys: () => call<rows.TriggerKeyRow[]>("list_trigger_keys", {}).then(asList),

    findTriggerKey: (a: { keyId: string; address: string | null }) =>
      call<rows.FoundTriggerKey | null>("find_trigger_key", prefix(a)),

    useTriggerKey: (a: { keyId: string; workflowKey: string }) =>
      call<rows.TakenTokens & { is_startable: boolean }>("use_trigger_key", prefix(a)),

    startTriggeredRun: (a: {
      keyId: string;
      workflowKey: string;
      userId: string;
      payload: rows.Json;
      idempotencyKey: string | null;
      traceParent?: string;
      traceState?: string;
    }) => call<rows.StartedTriggeredRun>("start_triggered_run", prefix(a)),

    getTriggeredRun: (a: { keyId: string; workflowRunId: string }) =>
      call<rows.TriggeredRun | null>("get_triggered_run", prefix(a)),
    beginDelivery: (a: { deliveryId: string }) =>
      call<rows.BegunDelivery>("begin_delivery", prefix(a)),

    settleDelivery: (a: {
      deliveryId: string;
      jobId: number;
      generation: number;
      attempt: number;
      result: Omit<rows.JobResult, "job_id" | "lease_token">;
      disableReason?: string;
    }) => call<rows.SettledCallback>("settle_delivery", prefix(a)),

    listDestinations: (a: { name?: string } = {}) =>
      call<Destination[]>("list_destinations", prefix(a)).then(asList),

    listDeliveries: (a: {
      destination: string;
      status?: DeliveryStatus;
      limit?: number;
      before?: string;
    }) => call<Delivery[]>("list_deliveries", prefix(a)).then(asList),

    listAlerts: () => call<dashboard.Alerts>("list_alerts", {}),

    getHealth: () => call<rows.Health>("get_health", {}),

    getSchemaVersion: () => call<number>("get_schema_version", {}),

    getMetrics: (a: { version: string }) =>
      call<rows.MetricSnapshot>("get_metrics", prefix(a)).then((it) => withList(it, "families")),

    getSettings: () => call<rows.Json>("get_settings", {}),

    configureOrchestrator: (
      a: { baseUrl: string; serviceKey: string; settings: Record<string, number> },
    ) =>
      call<{ cron_jobs: { name: string; schedule: string }[] }>(
        "configure_orchestrator",
        prefix(a),
      ),

    keepAgentTokenKey: (a: {
      keyId: string;
      publicKey: rows.Json;
      privateKey: string;
      mode: "ensure" | "rotate" | "replace";
    }) => call<rows.KeptAgentTokenKey>("keep_agent_token_key", prefix(a)),

    getAgentTokenKey: () =>
      call<{ key_id: string; private_key: string | null } | null>("get_agent_token_key", {}),

    listAgentTokenKeys: () =>
      call<rows.AgentTokenKeyRow[]>("list_agent_token_keys", {}).then(asList),

    getProgress: (a: { workflowRunId: string; seen?: string; userId: string | null }) =>
      call<
        | { result: "not_found" | "unchanged" }
        | { result: "changed"; version: string; progress: Progress }
      >("get_progress", prefix(a)),

    switchTraceExport: (a: { isOn: boolean }) =>
      call<{ is_on: boolean }>("switch_trace_export", prefix(a)),

    claimTraces: (a: { limit: number; leaseMs: number }) =>
      call<{ runs: (TracedRun | GoneRun)[]; dropped: number }>("claim_traces", prefix(a))
        .then((it) => withList(it, "runs")),

    listTraceJobs: (a: {
      runs: {
        workflow_run_id: string;
        since_us: number | null;
        after_step_no?: number;
        after_item_index?: number;
      }[];
      limit: number;
    }) => call<TracedJob[]>("list_trace_jobs", prefix(a)).then(asList),

    settleTraces: (a: { results: (TraceClaim & { retry_ms: number | null })[] }) =>
      call<rows.Json>("settle_traces", prefix(a)),

    beginAgentReply: (a: { idempotencyKey: string; requestHash: string; holdMs?: number }) =>
      call<rows.AgentReplyClaim>("begin_agent_reply", prefix(a)),

    finishAgentReply: (a: {
      idempotencyKey: string;
      claimToken: string;
      statusCode: number;
      body: unknown;
    }) => call<{ stored: boolean }>("finish_agent_reply", prefix(a)),

    forgetAgentReply: (a: { idempotencyKey: string; claimToken: string }) =>
      call<rows.Json>("forget_agent_reply", prefix(a)),
  };
}

/** `{leaseMs: 1}` becomes `{p_lease_ms: 1}`, the naming rule of every SQL argument. */
export function prefix(args: Record<string, unknown>): Record<string, unknown> {
  const named: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(args)) {
    if (value === undefined) continue;
    named[
      `p_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`
    ] = value;
  }
  return named;
}

/** The database tells of the results that are no plain success; the others are filled in. */
function withSuccesses(sent: rows.JobResult[], told: rows.SettledJob[]): rows.SettledJob[] {
  const known = new Map(told.map((it) => [it.job_id, it]));
  return sent.map(({ job_id }) =>
    known.get(job_id) ?? { job_id, applied: true, status: "success" as const }
  );
}

function asList<T>(value: T[] | null): T[] {
  if (value === null) return [];
  if (!Array.isArray(value)) throw refuse("a list");
  return value;
}

function checkLease<T extends rows.SentLease>(lease: T): T {
  for (const name of ["jobs", "runs", "reads"] as const) {
    const list: unknown = lease?.[name];
    if (list !== null && !isByColumns(list)) throw refuse(`${name} by columns`);
  }
  return lease.configs === null ? lease : withList(lease, "configs");
}

function isByColumns(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const columns = Object.values(value);
  return columns.length > 0 && columns.every(Array.isArray);
}

function withList<T>(value: T, member: string): T {
  const list = (value as Record<string, unknown> | null)?.[member];
  if (!Array.isArray(list)) throw refuse(`an object with the list ${member}`);
  return value;
}

function refuse(expected: string): OrchestratorError {
  return new OrchestratorError("internal", `reading the database's answer: expected ${expected}`);
}
