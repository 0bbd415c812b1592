// The actions that operators take, each with what it is asked and what it answers: all of them go
// through the one RPC `act`, which leaves an audit row in the same transaction.
import type { CompiledWorkflow } from "../contract/compiled_workflow.ts";
import type {
  BulkAnswer,
  BulkJobsRequest,
  BulkRunsRequest,
  OperatorRole,
} from "../contract/dashboard.ts";
import type { HookPreset, HookRules, HookScheme, HookSource } from "../contract/hooks.ts";
import type { DestinationKind } from "../contract/notifications.ts";
import type {
  CancelledRun,
  DecidedWait,
  Dispatched,
  DispatchRequest,
  Json,
  PublishedWorkflow,
  RedrivenJob,
  RestartedRun,
  TriggerKeyRow,
} from "./rows.ts";

/** Who acts. `id`: the user's id, or the name of the secret key. */
export interface Actor {
  kind: "operator" | "service";
  id: string | null;
  /** The operator's e-mail address. */
  name: string | null;
}

/** Most runs or jobs of one page of a bulk action; without it, and at most, 100. */
interface Page {
  limit?: number;
}

type BulkRuns = Omit<BulkRunsRequest, "action"> & Page;
type BulkJobs = Omit<BulkJobsRequest, "action" | "filter"> & Page & {
  /** `status` may be left out: only dead letters are touched. */
  filter: Partial<BulkJobsRequest["filter"]>;
};

interface Decision {
  job_id: number;
  actor?: string | null;
  payload?: Json;
}

export interface Actions {
  "run.cancel": {
    args: { workflow_run_id: string; reason?: string | null };
    answer: CancelledRun;
  };
  "run.restart": {
    args: {
      workflow_run_id: string;
      mode: "failed" | "step" | "whole";
      step_id?: string | null;
      definition?: "same" | "latest";
      /** With mode whole only: instead of the run's own. */
      payload?: Json;
    };
    answer: RestartedRun;
  };
  "run.dispatch": {
    /** `requests` holds one. */
    args: { requests: DispatchRequest[]; ring?: boolean };
    answer: Dispatched;
  };
  "runs.cancel": { args: BulkRuns; answer: BulkAnswer };
  "runs.restart_failed": { args: BulkRuns; answer: BulkAnswer };
  "job.retry": { args: { job_id: number }; answer: RedrivenJob };
  "job.reset": { args: { job_id: number }; answer: RedrivenJob };
  "job.approve": { args: Decision; answer: DecidedWait };
  "job.reject": { args: Decision; answer: DecidedWait };
  "jobs.retry": { args: BulkJobs; answer: BulkAnswer<number> };
  "workflow.publish": {
    args: {
      compiled: CompiledWorkflow;
      source: string;
      source_path?: string | null;
      source_etag?: string | null;
    };
    answer: PublishedWorkflow;
  };
  "schedule.pause": { args: { schedule_id: number }; answer: Acted<"paused"> };
  "schedule.resume": { args: { schedule_id: number }; answer: Acted<"resumed"> };
  "schedule.run_now": {
    args: { schedule_id: number };
    answer: Acted<"started"> & { workflow_run_id?: string };
  };
  "policy.set": {
    /** `capacity` null: no limit. */
    args: {
      pattern: string;
      capacity: number | null;
      refill_rate: number;
      description?: string | null;
    };
    answer: { result: "saved" | "invalid"; reason?: string };
  };
  "policy.delete": { args: { pattern: string }; answer: Acted<"deleted"> };
  "operator.grant": {
    args: { user_id: string; email: string; role: OperatorRole };
    /** `not_found`: no such user in Auth. */
    answer: { result: "granted" | "not_found" | "invalid"; reason?: string };
  };
  "hook.set": {
    /** `spare_secret`: taken where one is needed and none is given. */
    args: HookScheme & HookRules & {
      hook: string;
      enabled: boolean;
      tolerance_seconds: number;
      secret: string | null;
      spare_secret: string | null;
    };
    answer: {
      result: "created" | "saved" | "invalid";
      took_spare?: boolean;
      hook?: HookSource;
      reason?: string;
    };
  };
  "hook.rotate": {
    /** `preset`: the one that the secret was made for. */
    args: { hook: string; preset: HookPreset; secret: string; overlap_seconds: number };
    answer: Acted<"rotated"> & { previous_valid_until?: string };
  };
  "hook.delete": { args: { hook: string }; answer: Acted<"deleted"> };
  "operator.revoke": { args: { user_id: string }; answer: Acted<"revoked"> };
  "key.make": {
    args:
      & Pick<
        TriggerKeyRow,
        | "key_id"
        | "name"
        | "workflow_keys"
        | "user_id"
        | "may_name_user"
        | "rate_per_minute"
        | "networks"
      >
      & {
        /** SHA-256 of the whole key, in hex; the audit row has none of it. */
        hash: string;
        expires_in_ms: number;
      };
    answer: { result: "made"; key: TriggerKeyRow };
  };
  "key.revoke": {
    args: { key_id: string };
    answer: { result: "revoked" | "not_found"; key?: TriggerKeyRow };
  };
  "destination.set": {
    args: DestinationArgs & {
      kind: DestinationKind;
      url: string | null;
      /** A new webhook's signing secret, or a channel's URL. */
      secret?: string;
      types: string[];
      workflow_keys: string[] | null;
      description: string | null;
    };
    answer: Acted<"created" | "changed">;
  };
  "destination.delete": { args: DestinationArgs; answer: Acted<"deleted"> };
  "destination.rotate": {
    args: DestinationArgs & { secret: string };
    answer: Acted<"rotated"> & { previous_until?: string };
  };
  "destination.enable": { args: DestinationArgs; answer: Acted<"enabled"> & { held?: number } };
  "destination.replay": {
    args: DestinationArgs & { delivery_id?: string; from?: string; to?: string; all?: boolean };
    answer: Acted<"replayed"> & { replayed?: number; is_complete?: boolean };
  };
  "destination.test": {
    args: DestinationArgs;
    answer: Acted<"sent"> & { delivery_id?: string; workflow_run_id?: string };
  };
  "alert_rule.set": {
    /** What is not given stays as it is. */
    args: { alert_rule: string; threshold?: number; for_seconds?: number; enabled?: boolean };
    answer: { result: "saved" | "not_found" | "invalid"; reason?: string };
  };
}

interface DestinationArgs {
  /** Its name. */
  destination: string;
}

export type ActionName = keyof Actions;

interface Acted<Done extends string> {
  result: Done | "not_found" | "conflict";
  /** Why not, in the case of a conflict. */
  reason?: string;
}
