// What the dashboard asks and gets: the answers of the routes that operators read, named as their columns
// are. Times are ISO strings, spans are milliseconds. Of the schemas in answers/ the types alone: the
// browser takes them from here too.
import type { ErrorClass, RunStatus } from "./statuses.ts";

export type { Alert, AlertRule, Alerts } from "./answers/alerts.ts";
export type { AuditPage, AuditRow, BulkAnswer, Me } from "./answers/actions.ts";
export type { Attempt, JobCount, JobPage, JobRequest, ListedJob, RunJob } from "./answers/jobs.ts";
export type { ListedRun, Run, RunCount, RunPage } from "./answers/runs.ts";
export type {
  LimitedKey,
  Overview,
  OverviewBucket,
  RateLimitBucket,
  RateLimitPolicy,
  RateLimits,
} from "./answers/overview.ts";
export type {
  ListedWorkflow,
  Schedule,
  SchedulePage,
  Workflow,
  WorkflowVersion,
} from "./answers/workflows.ts";

export const OPERATOR_ROLES = ["viewer", "operator"] as const;
/** A viewer looks; an operator also acts. */
export type OperatorRole = (typeof OPERATOR_ROLES)[number];

export const OVERVIEW_WINDOWS = ["1h", "24h", "7d"] as const;
export type OverviewWindow = (typeof OVERVIEW_WINDOWS)[number];

/** The filter of runs: of GET /runs as a query, of POST /runs/bulk as an object. All parts must hold. */
export interface RunFilter {
  workflow_key?: string;
  status?: RunStatus;
  user_id?: string;
  intent_id?: string;
  /** Created at or after, before. */
  from?: string;
  to?: string;
  /** The beginning of the run's id, or part of user, intent, workflow or payload. */
  text?: string;
}

export type BulkAction = "cancel" | "restart_failed";

/** POST /runs/bulk: one page of a bulk action; call again with next_cursor until that is null. */
export interface BulkRunsRequest {
  action: BulkAction;
  filter: RunFilter;
  /** `newest` of the count that was confirmed. */
  newest: string;
  cursor?: string | null;
  reason?: string | null;
}

/** POST /jobs/bulk: replays dead letters, a page a call. */
export interface BulkJobsRequest {
  action: "retry";
  filter: {
    status: "dead";
    workflow_key?: string;
    user_id?: string;
    error_class?: ErrorClass;
    text?: string;
  };
  /** `newest` of the count that was confirmed. */
  newest: number;
  cursor?: number | null;
}
