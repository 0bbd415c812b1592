// Generated from the migrations by `deno task generate`; edit those instead.
export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[];

export type Database = {
  "public": {
    Tables: {
      "agent_replies": {
        Row: {
          "body": Json | null;
          "claim_token": string | null;
          "claimed_until": string | null;
          "created_at": string;
          "idempotency_key": string;
          "request_hash": string;
          "status_code": number | null;
        };
        ComputedFields: never;
        Insert: {
          "body"?: Json | null;
          "claim_token"?: string | null;
          "claimed_until"?: string | null;
          "created_at": string;
          "idempotency_key": string;
          "request_hash": string;
          "status_code"?: number | null;
        };
        Update: {
          "body"?: Json | null;
          "claim_token"?: string | null;
          "claimed_until"?: string | null;
          "created_at"?: string;
          "idempotency_key"?: string;
          "request_hash"?: string;
          "status_code"?: number | null;
        };
        Relationships: [];
      };
      "fan_outs": {
        Row: {
          "ends_early": boolean;
          "failed": number;
          "max_concurrency": number | null;
          "needed": number;
          "open": number;
          "released": number;
          "step_no": number;
          "succeeded": number;
          "total": number;
          "workflow_run_id": string;
        };
        ComputedFields: never;
        Insert: {
          "ends_early": boolean;
          "failed"?: number;
          "max_concurrency"?: number | null;
          "needed": number;
          "open": number;
          "released": number;
          "step_no": number;
          "succeeded"?: number;
          "total": number;
          "workflow_run_id": string;
        };
        Update: {
          "ends_early"?: boolean;
          "failed"?: number;
          "max_concurrency"?: number | null;
          "needed"?: number;
          "open"?: number;
          "released"?: number;
          "step_no"?: number;
          "succeeded"?: number;
          "total"?: number;
          "workflow_run_id"?: string;
        };
        Relationships: [];
      };
      "intent_events": {
        Row: {
          "created_at": string;
          "event_id": string;
          "idempotency_key": string | null;
          "intent_id": string | null;
          "payload": NonNullable<Json>;
          "trace_parent": string | null;
          "trace_state": string | null;
          "type": string;
          "user_id": string;
        };
        ComputedFields: never;
        Insert: {
          "created_at"?: string;
          "event_id"?: string;
          "idempotency_key"?: string | null;
          "intent_id"?: string | null;
          "payload"?: NonNullable<Json>;
          "trace_parent"?: string | null;
          "trace_state"?: string | null;
          "type": string;
          "user_id": string;
        };
        Update: {
          "created_at"?: string;
          "event_id"?: string;
          "idempotency_key"?: string | null;
          "intent_id"?: string | null;
          "payload"?: NonNullable<Json>;
          "trace_parent"?: string | null;
          "trace_state"?: string | null;
          "type"?: string;
          "user_id"?: string;
        };
        Relationships: [];
      };
      "job_attempts": {
        Row: {
          "attempt": number;
          "attempt_id": number;
          "error_class": string | null;
          "error_text": string | null;
          "finished_at": string;
          "is_late": boolean;
          "job_id": number;
          "logs": Json | null;
          "started_at": string;
          "status_code": number | null;
          "success": boolean;
          "worker_id": string | null;
          "workflow_run_id": string;
        };
        ComputedFields: never;
        Insert: {
          "attempt": number;
          "attempt_id"?: never;
          "error_class"?: string | null;
          "error_text"?: string | null;
          "finished_at": string;
          "is_late"?: boolean;
          "job_id": number;
          "logs"?: Json | null;
          "started_at": string;
          "status_code"?: number | null;
          "success": boolean;
          "worker_id"?: string | null;
          "workflow_run_id": string;
        };
        Update: {
          "attempt"?: number;
          "attempt_id"?: never;
          "error_class"?: string | null;
          "error_text"?: string | null;
          "finished_at"?: string;
          "is_late"?: boolean;
          "job_id"?: number;
          "logs"?: Json | null;
          "started_at"?: string;
          "status_code"?: number | null;
          "success"?: boolean;
          "worker_id"?: string | null;
          "workflow_run_id"?: string;
        };
        Relationships: [];
      };
      "job_queue": {
        Row: {
          "agent": string;
          "attempts": number;
          "awaits_lease": boolean;
          "condition": Json | null;
          "created_at": string;
          "definition_id": number;
          "dependencies": number;
          "error_class": string | null;
          "error_text": string | null;
          "extra_dependents": (number)[] | null;
          "failed_dependencies": number;
          "finished_at": string | null;
          "generation": number;
          "input": Json | null;
          "intent_id": string | null;
          "is_handed_on": boolean;
          "item_index": number;
          "job_id": number;
          "join_min": number | null;
          "join_rule": string | null;
          "lease_token": string | null;
          "lease_until": string | null;
          "leased_at": string | null;
          "leased_by": string | null;
          "max_attempts": number;
          "next_run_at": string;
          "open_dependencies": number;
          "output": Json | null;
          "output_ref": Json | null;
          "parked": Json | null;
          "payload": NonNullable<Json>;
          "priority": number;
          "rate_limit_key": string | null;
          "skip_reason": string | null;
          "started_at": string | null;
          "status": string;
          "step_id": string;
          "step_no": number;
          "succeeded_dependencies": number;
          "user_id": string;
          "workflow_run_id": string;
        };
        ComputedFields: never;
        Insert: {
          "agent": string;
          "attempts"?: number;
          "awaits_lease"?: never;
          "condition"?: Json | null;
          "created_at": string;
          "definition_id": number;
          "dependencies"?: number;
          "error_class"?: string | null;
          "error_text"?: string | null;
          "extra_dependents"?: (number)[] | null;
          "failed_dependencies"?: number;
          "finished_at"?: string | null;
          "generation"?: number;
          "input"?: Json | null;
          "intent_id"?: string | null;
          "is_handed_on"?: boolean;
          "item_index"?: number;
          "job_id"?: never;
          "join_min"?: number | null;
          "join_rule"?: string | null;
          "lease_token"?: string | null;
          "lease_until"?: string | null;
          "leased_at"?: string | null;
          "leased_by"?: string | null;
          "max_attempts": number;
          "next_run_at": string;
          "open_dependencies"?: number;
          "output"?: Json | null;
          "output_ref"?: Json | null;
          "parked"?: Json | null;
          "payload": NonNullable<Json>;
          "priority"?: number;
          "rate_limit_key"?: string | null;
          "skip_reason"?: string | null;
          "started_at"?: string | null;
          "status": string;
          "step_id": string;
          "step_no": number;
          "succeeded_dependencies"?: number;
          "user_id": string;
          "workflow_run_id": string;
        };
        Update: {
          "agent"?: string;
          "attempts"?: number;
          "awaits_lease"?: never;
          "condition"?: Json | null;
          "created_at"?: string;
          "definition_id"?: number;
          "dependencies"?: number;
          "error_class"?: string | null;
          "error_text"?: string | null;
          "extra_dependents"?: (number)[] | null;
          "failed_dependencies"?: number;
          "finished_at"?: string | null;
          "generation"?: number;
          "input"?: Json | null;
          "intent_id"?: string | null;
          "is_handed_on"?: boolean;
          "item_index"?: number;
          "job_id"?: never;
          "join_min"?: number | null;
          "join_rule"?: string | null;
          "lease_token"?: string | null;
          "lease_until"?: string | null;
          "leased_at"?: string | null;
          "leased_by"?: string | null;
          "max_attempts"?: number;
          "next_run_at"?: string;
          "open_dependencies"?: number;
          "output"?: Json | null;
          "output_ref"?: Json | null;
          "parked"?: Json | null;
          "payload"?: NonNullable<Json>;
          "priority"?: number;
          "rate_limit_key"?: string | null;
          "skip_reason"?: string | null;
          "started_at"?: string | null;
          "status"?: string;
          "step_id"?: string;
          "step_no"?: number;
          "succeeded_dependencies"?: number;
          "user_id"?: string;
          "workflow_run_id"?: string;
        };
        Relationships: [];
      };
      "orchestrator_alert_rules": {
        Row: {
          "at_least": number | null;
          "description": string;
          "enabled": boolean;
          "error": string | null;
          "for_span": string;
          "name": string;
          "over_span": string | null;
          "severity": string;
          "subject_kind": string | null;
          "threshold": number;
          "unit": string;
        };
        ComputedFields: never;
        Insert: {
          "at_least"?: number | null;
          "description": string;
          "enabled"?: boolean;
          "error"?: string | null;
          "for_span": string;
          "name": string;
          "over_span"?: string | null;
          "severity": string;
          "subject_kind"?: string | null;
          "threshold": number;
          "unit": string;
        };
        Update: {
          "at_least"?: number | null;
          "description"?: string;
          "enabled"?: boolean;
          "error"?: string | null;
          "for_span"?: string;
          "name"?: string;
          "over_span"?: string | null;
          "severity"?: string;
          "subject_kind"?: string | null;
          "threshold"?: number;
          "unit"?: string;
        };
        Relationships: [];
      };
      "orchestrator_audit": {
        Row: {
          "action": string;
          "actor_id": string | null;
          "actor_kind": string;
          "actor_name": string | null;
          "after": Json | null;
          "args": NonNullable<Json>;
          "at": string;
          "audit_id": number;
          "before": Json | null;
          "result": string;
          "target": string;
        };
        ComputedFields: never;
        Insert: {
          "action": string;
          "actor_id"?: string | null;
          "actor_kind": string;
          "actor_name"?: string | null;
          "after"?: Json | null;
          "args": NonNullable<Json>;
          "at": string;
          "audit_id"?: never;
          "before"?: Json | null;
          "result": string;
          "target": string;
        };
        Update: {
          "action"?: string;
          "actor_id"?: string | null;
          "actor_kind"?: string;
          "actor_name"?: string | null;
          "after"?: Json | null;
          "args"?: NonNullable<Json>;
          "at"?: string;
          "audit_id"?: never;
          "before"?: Json | null;
          "result"?: string;
          "target"?: string;
        };
        Relationships: [];
      };
      "orchestrator_destinations": {
        Row: {
          "changed_at": string;
          "created_at": string;
          "description": string | null;
          "disabled_at": string | null;
          "disabled_reason": string | null;
          "kind": string;
          "name": string;
          "previous_secret_until": string | null;
          "types": (string)[];
          "url": string | null;
          "workflow_keys": (string)[] | null;
        };
        ComputedFields: never;
        Insert: {
          "changed_at": string;
          "created_at": string;
          "description"?: string | null;
          "disabled_at"?: string | null;
          "disabled_reason"?: string | null;
          "kind": string;
          "name": string;
          "previous_secret_until"?: string | null;
          "types": (string)[];
          "url"?: string | null;
          "workflow_keys"?: (string)[] | null;
        };
        Update: {
          "changed_at"?: string;
          "created_at"?: string;
          "description"?: string | null;
          "disabled_at"?: string | null;
          "disabled_reason"?: string | null;
          "kind"?: string;
          "name"?: string;
          "previous_secret_until"?: string | null;
          "types"?: (string)[];
          "url"?: string | null;
          "workflow_keys"?: (string)[] | null;
        };
        Relationships: [];
      };
      "orchestrator_hook_sources": {
        Row: {
          "created_at": string;
          "enabled": boolean;
          "event_type": string;
          "filter": string | null;
          "preset": string;
          "previous_valid_until": string | null;
          "settings": NonNullable<Json>;
          "source": string;
          "tolerance_seconds": number;
          "updated_at": string;
          "user_id": string;
        };
        ComputedFields: never;
        Insert: {
          "created_at": string;
          "enabled": boolean;
          "event_type": string;
          "filter"?: string | null;
          "preset": string;
          "previous_valid_until"?: string | null;
          "settings": NonNullable<Json>;
          "source": string;
          "tolerance_seconds": number;
          "updated_at": string;
          "user_id": string;
        };
        Update: {
          "created_at"?: string;
          "enabled"?: boolean;
          "event_type"?: string;
          "filter"?: string | null;
          "preset"?: string;
          "previous_valid_until"?: string | null;
          "settings"?: NonNullable<Json>;
          "source"?: string;
          "tolerance_seconds"?: number;
          "updated_at"?: string;
          "user_id"?: string;
        };
        Relationships: [];
      };
      "orchestrator_operators": {
        Row: {
          "email": string;
          "granted_at": string;
          "granted_by": string | null;
          "role": string;
          "user_id": string;
        };
        ComputedFields: never;
        Insert: {
          "email": string;
          "granted_at": string;
          "granted_by"?: string | null;
          "role": string;
          "user_id": string;
        };
        Update: {
          "email"?: string;
          "granted_at"?: string;
          "granted_by"?: string | null;
          "role"?: string;
          "user_id"?: string;
        };
        Relationships: [];
      };
      "orchestrator_settings": {
        Row: {
          "name": string;
          "updated_at": string;
          "value": NonNullable<Json>;
        };
        ComputedFields: never;
        Insert: {
          "name": string;
          "updated_at"?: string;
          "value": NonNullable<Json>;
        };
        Update: {
          "name"?: string;
          "updated_at"?: string;
          "value"?: NonNullable<Json>;
        };
        Relationships: [];
      };
      "orchestrator_trigger_keys": {
        Row: {
          "created_at": string;
          "created_by": string | null;
          "expires_at": string;
          "hash": string;
          "key_id": string;
          "last_used_at": string | null;
          "may_name_user": boolean;
          "name": string;
          "networks": (unknown)[] | null;
          "rate_per_minute": number;
          "revoked_at": string | null;
          "user_id": string;
          "workflow_keys": (string)[];
        };
        ComputedFields: never;
        Insert: {
          "created_at": string;
          "created_by"?: string | null;
          "expires_at": string;
          "hash": string;
          "key_id": string;
          "last_used_at"?: string | null;
          "may_name_user": boolean;
          "name": string;
          "networks"?: (unknown)[] | null;
          "rate_per_minute": number;
          "revoked_at"?: string | null;
          "user_id": string;
          "workflow_keys": (string)[];
        };
        Update: {
          "created_at"?: string;
          "created_by"?: string | null;
          "expires_at"?: string;
          "hash"?: string;
          "key_id"?: string;
          "last_used_at"?: string | null;
          "may_name_user"?: boolean;
          "name"?: string;
          "networks"?: (unknown)[] | null;
          "rate_per_minute"?: number;
          "revoked_at"?: string | null;
          "user_id"?: string;
          "workflow_keys"?: (string)[];
        };
        Relationships: [];
      };
      "plan_revisions": {
        Row: {
          "author": string;
          "created_at": string;
          "definition_id": number;
          "reason": string | null;
          "revision": number;
          "workflow_run_id": string;
        };
        ComputedFields: never;
        Insert: {
          "author": string;
          "created_at": string;
          "definition_id": number;
          "reason"?: string | null;
          "revision": number;
          "workflow_run_id": string;
        };
        Update: {
          "author"?: string;
          "created_at"?: string;
          "definition_id"?: number;
          "reason"?: string | null;
          "revision"?: number;
          "workflow_run_id"?: string;
        };
        Relationships: [];
      };
      "rate_limit_policies": {
        Row: {
          "capacity": number | null;
          "description": string | null;
          "is_wildcard": boolean;
          "key_colons": number | null;
          "key_like": string;
          "pattern": string;
          "refill_rate": number;
          "shape": string;
          "specificity": number;
        };
        ComputedFields: never;
        Insert: {
          "capacity"?: number | null;
          "description"?: string | null;
          "is_wildcard"?: never;
          "key_colons"?: never;
          "key_like"?: never;
          "pattern": string;
          "refill_rate": number;
          "shape"?: never;
          "specificity"?: never;
        };
        Update: {
          "capacity"?: number | null;
          "description"?: string | null;
          "is_wildcard"?: never;
          "key_colons"?: never;
          "key_like"?: never;
          "pattern"?: string;
          "refill_rate"?: number;
          "shape"?: never;
          "specificity"?: never;
        };
        Relationships: [];
      };
      "rate_limits": {
        Row: {
          "capacity": number | null;
          "deferred_until": string | null;
          "held_until": string | null;
          "last_refill": string;
          "refill_rate": number;
          "rl_key": string;
          "tokens": number;
        };
        ComputedFields: never;
        Insert: {
          "capacity"?: number | null;
          "deferred_until"?: string | null;
          "held_until"?: string | null;
          "last_refill": string;
          "refill_rate": number;
          "rl_key": string;
          "tokens": number;
        };
        Update: {
          "capacity"?: number | null;
          "deferred_until"?: string | null;
          "held_until"?: string | null;
          "last_refill"?: string;
          "refill_rate"?: number;
          "rl_key"?: string;
          "tokens"?: number;
        };
        Relationships: [];
      };
      "workflow_definitions": {
        Row: {
          "compiled": NonNullable<Json>;
          "definition_id": number;
          "is_public": boolean;
          "published_at": string;
          "sha256": string;
          "sinks": number;
          "source": string;
          "source_path": string | null;
          "timeout_ms": number | null;
          "version": number;
          "workflow_key": string;
        };
        ComputedFields: never;
        Insert: {
          "compiled": NonNullable<Json>;
          "definition_id"?: never;
          "is_public"?: never;
          "published_at": string;
          "sha256": string;
          "sinks": number;
          "source": string;
          "source_path"?: string | null;
          "timeout_ms"?: number | null;
          "version": number;
          "workflow_key": string;
        };
        Update: {
          "compiled"?: NonNullable<Json>;
          "definition_id"?: never;
          "is_public"?: never;
          "published_at"?: string;
          "sha256"?: string;
          "sinks"?: number;
          "source"?: string;
          "source_path"?: string | null;
          "timeout_ms"?: number | null;
          "version"?: number;
          "workflow_key"?: string;
        };
        Relationships: [];
      };
      "workflow_files": {
        Row: {
          "checked_at": string;
          "etag": string;
          "problems": Json | null;
          "source_path": string;
          "workflow_key": string | null;
        };
        ComputedFields: never;
        Insert: {
          "checked_at": string;
          "etag": string;
          "problems"?: Json | null;
          "source_path": string;
          "workflow_key"?: string | null;
        };
        Update: {
          "checked_at"?: string;
          "etag"?: string;
          "problems"?: Json | null;
          "source_path"?: string;
          "workflow_key"?: string | null;
        };
        Relationships: [];
      };
      "workflow_runs": {
        Row: {
          "cancel_reason": string | null;
          "concurrency_key": string | null;
          "created_at": string;
          "deadline_at": string | null;
          "definition_id": number;
          "depth": number;
          "event_type": string | null;
          "failed_jobs": number;
          "finished_at": string | null;
          "idempotency_key": string | null;
          "inputs": Json | null;
          "intent_id": string | null;
          "is_serial": boolean;
          "open_sinks": number;
          "parent_job_id": number | null;
          "parent_run_id": string | null;
          "payload": NonNullable<Json>;
          "plan_revision": number;
          "priority": number;
          "request_hash": string | null;
          "restarted_from": string | null;
          "skip_reason": string | null;
          "status": string;
          "trace_parent": string | null;
          "trace_state": string | null;
          "trigger_event_id": string | null;
          "trigger_key_id": string | null;
          "trigger_type": string;
          "user_id": string;
          "workflow_key": string;
          "workflow_run_id": string;
        };
        ComputedFields: never;
        Insert: {
          "cancel_reason"?: string | null;
          "concurrency_key"?: string | null;
          "created_at": string;
          "deadline_at"?: string | null;
          "definition_id": number;
          "depth"?: number;
          "event_type"?: string | null;
          "failed_jobs"?: number;
          "finished_at"?: string | null;
          "idempotency_key"?: string | null;
          "inputs"?: Json | null;
          "intent_id"?: string | null;
          "is_serial"?: boolean;
          "open_sinks": number;
          "parent_job_id"?: number | null;
          "parent_run_id"?: string | null;
          "payload"?: NonNullable<Json>;
          "plan_revision"?: number;
          "priority": number;
          "request_hash"?: string | null;
          "restarted_from"?: string | null;
          "skip_reason"?: string | null;
          "status"?: string;
          "trace_parent"?: string | null;
          "trace_state"?: string | null;
          "trigger_event_id"?: string | null;
          "trigger_key_id"?: string | null;
          "trigger_type": string;
          "user_id": string;
          "workflow_key": string;
          "workflow_run_id"?: string;
        };
        Update: {
          "cancel_reason"?: string | null;
          "concurrency_key"?: string | null;
          "created_at"?: string;
          "deadline_at"?: string | null;
          "definition_id"?: number;
          "depth"?: number;
          "event_type"?: string | null;
          "failed_jobs"?: number;
          "finished_at"?: string | null;
          "idempotency_key"?: string | null;
          "inputs"?: Json | null;
          "intent_id"?: string | null;
          "is_serial"?: boolean;
          "open_sinks"?: number;
          "parent_job_id"?: number | null;
          "parent_run_id"?: string | null;
          "payload"?: NonNullable<Json>;
          "plan_revision"?: number;
          "priority"?: number;
          "request_hash"?: string | null;
          "restarted_from"?: string | null;
          "skip_reason"?: string | null;
          "status"?: string;
          "trace_parent"?: string | null;
          "trace_state"?: string | null;
          "trigger_event_id"?: string | null;
          "trigger_key_id"?: string | null;
          "trigger_type"?: string;
          "user_id"?: string;
          "workflow_key"?: string;
          "workflow_run_id"?: string;
        };
        Relationships: [];
      };
      "workflow_schedules": {
        Row: {
          "catch_up": string;
          "claim_token": string | null;
          "claimed_until": string | null;
          "cron": string | null;
          "intent_id": string | null;
          "last_missed_at": string | null;
          "last_slot_at": string | null;
          "missed_slots": number;
          "next_run_at": string;
          "own_timezone": string | null;
          "paused_at": string | null;
          "payload": NonNullable<Json>;
          "schedule_id": number;
          "timezone": string;
          "user_id": string | null;
          "workflow_key": string;
        };
        ComputedFields: never;
        Insert: {
          "catch_up": string;
          "claim_token"?: string | null;
          "claimed_until"?: string | null;
          "cron"?: string | null;
          "intent_id"?: string | null;
          "last_missed_at"?: string | null;
          "last_slot_at"?: string | null;
          "missed_slots"?: number;
          "next_run_at"?: string;
          "own_timezone"?: string | null;
          "paused_at"?: string | null;
          "payload"?: NonNullable<Json>;
          "schedule_id"?: never;
          "timezone": string;
          "user_id"?: string | null;
          "workflow_key": string;
        };
        Update: {
          "catch_up"?: string;
          "claim_token"?: string | null;
          "claimed_until"?: string | null;
          "cron"?: string | null;
          "intent_id"?: string | null;
          "last_missed_at"?: string | null;
          "last_slot_at"?: string | null;
          "missed_slots"?: number;
          "next_run_at"?: string;
          "own_timezone"?: string | null;
          "paused_at"?: string | null;
          "payload"?: NonNullable<Json>;
          "schedule_id"?: never;
          "timezone"?: string;
          "user_id"?: string | null;
          "workflow_key"?: string;
        };
        Relationships: [];
      };
      "workflow_steps": {
        Row: {
          "agent": string;
          "append_depth": number;
          "compensates": number | null;
          "config": NonNullable<Json>;
          "continue_on_error": boolean;
          "definition_id": number;
          "dependents": (number)[];
          "depends_on": (number)[];
          "is_result": boolean;
          "is_sink": boolean;
          "join_min": number | null;
          "join_rule": string | null;
          "kind": string;
          "max_attempts": number;
          "phase": string;
          "rate_limit": string | null;
          "reads": (number)[];
          "retry_initial_ms": number;
          "retry_jitter": boolean;
          "retry_max_ms": number;
          "step_id": string;
          "step_no": number;
          "takes_tokens": boolean;
        };
        ComputedFields: never;
        Insert: {
          "agent": string;
          "append_depth"?: number;
          "compensates"?: number | null;
          "config": NonNullable<Json>;
          "continue_on_error": boolean;
          "definition_id": number;
          "dependents": (number)[];
          "depends_on": (number)[];
          "is_result": boolean;
          "is_sink": boolean;
          "join_min"?: number | null;
          "join_rule"?: string | null;
          "kind": string;
          "max_attempts": number;
          "phase": string;
          "rate_limit"?: string | null;
          "reads": (number)[];
          "retry_initial_ms": number;
          "retry_jitter": boolean;
          "retry_max_ms": number;
          "step_id": string;
          "step_no": number;
          "takes_tokens"?: never;
        };
        Update: {
          "agent"?: string;
          "append_depth"?: number;
          "compensates"?: number | null;
          "config"?: NonNullable<Json>;
          "continue_on_error"?: boolean;
          "definition_id"?: number;
          "dependents"?: (number)[];
          "depends_on"?: (number)[];
          "is_result"?: boolean;
          "is_sink"?: boolean;
          "join_min"?: number | null;
          "join_rule"?: string | null;
          "kind"?: string;
          "max_attempts"?: number;
          "phase"?: string;
          "rate_limit"?: string | null;
          "reads"?: (number)[];
          "retry_initial_ms"?: number;
          "retry_jitter"?: boolean;
          "retry_max_ms"?: number;
          "step_id"?: string;
          "step_no"?: number;
          "takes_tokens"?: never;
        };
        Relationships: [
          {
            foreignKeyName: "workflow_steps_definition_id_fkey";
            columns: ["definition_id"];
            isOneToOne: false;
            referencedRelation: "workflow_definitions";
            referencedColumns: ["definition_id"];
          },
        ];
      };
      "workflows": {
        Row: {
          "archived_at": string | null;
          "definition_id": number;
          "event_types": (string)[];
          "published_at": string;
          "workflow_key": string;
        };
        ComputedFields: never;
        Insert: {
          "archived_at"?: string | null;
          "definition_id": number;
          "event_types": (string)[];
          "published_at": string;
          "workflow_key": string;
        };
        Update: {
          "archived_at"?: string | null;
          "definition_id"?: number;
          "event_types"?: (string)[];
          "published_at"?: string;
          "workflow_key"?: string;
        };
        Relationships: [
          {
            foreignKeyName: "workflows_definition_id_fkey";
            columns: ["definition_id"];
            isOneToOne: false;
            referencedRelation: "workflow_definitions";
            referencedColumns: ["definition_id"];
          },
        ];
      };
    };
    Views: {
      "orchestrator_dead_letters": {
        Row: {
          "attempts": number;
          "died_at": string | null;
          "error_class": string | null;
          "error_text": string | null;
          "job_id": number;
          "step_id": string;
          "user_id": string;
          "workflow_key": string;
          "workflow_run_id": string;
        };
        ComputedFields: never;
        Relationships: [];
      };
      "orchestrator_queue": {
        Row: {
          "jobs": number | null;
          "next_run_at": string | null;
          "oldest_created_at": string | null;
          "status": string;
        };
        ComputedFields: never;
        Relationships: [];
      };
      "orchestrator_steps": {
        Row: {
          "agent": string;
          "attempts": number;
          "condition": Json | null;
          "duration": string | null;
          "error_class": string | null;
          "error_text": string | null;
          "finished_at": string | null;
          "item_index": number;
          "job_id": number;
          "max_attempts": number;
          "next_run_at": string;
          "parked_for": string | null;
          "run_status": string;
          "skip_reason": string | null;
          "started_at": string | null;
          "status": string;
          "step_id": string;
          "step_no": number;
          "workflow_key": string;
          "workflow_run_id": string;
        };
        ComputedFields: never;
        Relationships: [];
      };
    };
    Functions: {
      "act": { Args: { "p_action": string; "p_actor": Json; "p_args": Json }; Returns: Json };
      "append_steps": { Args: { "p_plan": Json; "p_workflow_run_id": string }; Returns: Json };
      "archive_workflow": { Args: { "p_workflow_key": string }; Returns: Json };
      "begin_agent_reply": {
        Args: { "p_hold_ms"?: number; "p_idempotency_key": string; "p_request_hash": string };
        Returns: Json;
      };
      "begin_delivery": { Args: { "p_delivery_id": string }; Returns: Json };
      "cancel_run": { Args: { "p_reason"?: string; "p_workflow_run_id": string }; Returns: Json };
      "claim_due_schedules": { Args: { "p_limit": number }; Returns: Json };
      "claim_traces": { Args: { "p_lease_ms": number; "p_limit": number }; Returns: Json };
      "complete_callback": {
        Args: { "p_attempt": number; "p_generation": number; "p_job_id": number; "p_result": Json };
        Returns: Json;
      };
      "complete_jobs": {
        Args: {
          "p_lease_limit"?: number;
          "p_lease_ms"?: number;
          "p_results": Json;
          "p_worker_id": string;
        };
        Returns: Json;
      };
      "configure_orchestrator": {
        Args: { "p_base_url": string; "p_service_key": string; "p_settings": Json };
        Returns: Json;
      };
      "count_jobs": { Args: { "p_filter"?: Json }; Returns: Json };
      "count_runs": { Args: { "p_action"?: string; "p_filter"?: Json }; Returns: Json };
      "decide_wait": {
        Args: {
          "p_actor"?: string;
          "p_is_approved": boolean;
          "p_job_id": number;
          "p_payload"?: Json;
        };
        Returns: Json;
      };
      "describe_call": { Args: { "p_job_id": number }; Returns: Json };
      "dispatch_workflow": {
        Args: {
          "p_idempotency_key"?: string;
          "p_intent_id"?: string;
          "p_payload"?: Json;
          "p_priority"?: number;
          "p_run_at"?: string;
          "p_user_id": string;
          "p_workflow_key": string;
        };
        Returns: Json;
      };
      "dispatch_workflows": { Args: { "p_requests": Json; "p_ring"?: boolean }; Returns: Json };
      "expire_leases": { Args: { "p_limit": number }; Returns: number };
      "expire_runs": { Args: { "p_limit": number }; Returns: number };
      "find_trigger_key": { Args: { "p_address": string; "p_key_id": string }; Returns: Json };
      "finish_agent_reply": {
        Args: {
          "p_body": Json;
          "p_claim_token": string;
          "p_idempotency_key": string;
          "p_status_code": number;
        };
        Returns: Json;
      };
      "finish_archive": {
        Args: { "p_batch_id": number; "p_workflow_run_ids": (string)[] };
        Returns: Json;
      };
      "fire_schedules": { Args: { "p_ring"?: boolean; "p_schedules": Json }; Returns: Json };
      "forget_agent_reply": {
        Args: { "p_claim_token": string; "p_idempotency_key": string };
        Returns: Json;
      };
      "forget_outputs": { Args: { "p_paths": (string)[] }; Returns: Json };
      "get_agent_token_key": { Args: Record<PropertyKey, never>; Returns: Json };
      "get_health": { Args: Record<PropertyKey, never>; Returns: Json };
      "get_hook": { Args: { "p_source": string }; Returns: Json };
      "get_job": { Args: { "p_job_id": number }; Returns: Json };
      "get_metrics": { Args: { "p_version": string }; Returns: Json };
      "get_operator": { Args: { "p_user_id": string }; Returns: Json };
      "get_overview": { Args: { "p_window": string }; Returns: Json };
      "get_plan": { Args: { "p_workflow_run_id": string }; Returns: Json };
      "get_progress": {
        Args: { "p_seen"?: string; "p_user_id"?: string; "p_workflow_run_id": string };
        Returns: Json;
      };
      "get_run": { Args: { "p_workflow_run_id": string }; Returns: Json };
      "get_schema_version": { Args: Record<PropertyKey, never>; Returns: number };
      "get_settings": { Args: Record<PropertyKey, never>; Returns: Json };
      "get_triggered_run": {
        Args: { "p_key_id": string; "p_workflow_run_id": string };
        Returns: Json;
      };
      "get_workflow": { Args: { "p_workflow_key": string }; Returns: Json };
      "get_workflow_version": {
        Args: { "p_version": number; "p_workflow_key": string };
        Returns: Json;
      };
      "hand_back_jobs": { Args: { "p_leases": Json; "p_worker_id": string }; Returns: Json };
      "heartbeat_callback": {
        Args: { "p_attempt": number; "p_generation": number; "p_job_id": number };
        Returns: Json;
      };
      "heartbeat_jobs": {
        Args: { "p_lease_ms": number; "p_leases": Json; "p_worker_id": string };
        Returns: Json;
      };
      "insert_event": {
        Args: {
          "p_idempotency_key"?: string;
          "p_intent_id"?: string;
          "p_payload"?: Json;
          "p_trace_parent"?: string;
          "p_trace_state"?: string;
          "p_type": string;
          "p_user_id": string;
        };
        Returns: Json;
      };
      "keep_agent_token_key": {
        Args: {
          "p_key_id": string;
          "p_mode": string;
          "p_private_key": string;
          "p_public_key": Json;
        };
        Returns: Json;
      };
      "lease_jobs": {
        Args: { "p_lease_ms": number; "p_limit": number; "p_worker_id": string };
        Returns: Json;
      };
      "list_agent_token_keys": { Args: Record<PropertyKey, never>; Returns: Json };
      "list_alerts": { Args: Record<PropertyKey, never>; Returns: Json };
      "list_archive_batches": { Args: { "p_limit": number }; Returns: Json };
      "list_audit": {
        Args: { "p_before"?: number; "p_filter"?: Json; "p_limit"?: number };
        Returns: Json;
      };
      "list_deliveries": {
        Args: {
          "p_before"?: string;
          "p_destination": string;
          "p_limit"?: number;
          "p_status"?: string;
        };
        Returns: Json;
      };
      "list_destinations": { Args: { "p_name"?: string }; Returns: Json };
      "list_hooks": { Args: Record<PropertyKey, never>; Returns: Json };
      "list_items": {
        Args: {
          "p_after"?: number;
          "p_limit"?: number;
          "p_step_id": string;
          "p_workflow_run_id": string;
        };
        Returns: Json;
      };
      "list_jobs": {
        Args: { "p_before"?: number; "p_filter"?: Json; "p_limit"?: number };
        Returns: Json;
      };
      "list_operators": { Args: Record<PropertyKey, never>; Returns: Json };
      "list_rate_limits": {
        Args: { "p_after"?: string; "p_limit"?: number; "p_text"?: string };
        Returns: Json;
      };
      "list_runs": {
        Args: { "p_before"?: string; "p_filter"?: Json; "p_limit"?: number };
        Returns: Json;
      };
      "list_schedules": {
        Args: { "p_after"?: number; "p_limit"?: number; "p_workflow_key"?: string };
        Returns: Json;
      };
      "list_stale_outputs": { Args: { "p_limit": number }; Returns: Json };
      "list_stale_workflow_files": { Args: { "p_bucket"?: string }; Returns: Json };
      "list_trace_jobs": { Args: { "p_limit": number; "p_runs": Json }; Returns: Json };
      "list_trigger_keys": { Args: Record<PropertyKey, never>; Returns: Json };
      "list_workflows": { Args: Record<PropertyKey, never>; Returns: Json };
      "open_hook": { Args: { "p_source": string }; Returns: Json };
      "process_signals": { Args: Record<PropertyKey, never>; Returns: Json };
      "prune_history": { Args: { "p_limit": number }; Returns: Json };
      "publish_workflow": {
        Args: {
          "p_compiled": Json;
          "p_source": string;
          "p_source_etag"?: string;
          "p_source_path"?: string;
        };
        Returns: Json;
      };
      "read_archive": {
        Args: { "p_after_job": number; "p_max_bytes": number; "p_workflow_run_id": string };
        Returns: Json;
      };
      "reject_workflow_file": {
        Args: { "p_problems": Json; "p_source_etag": string; "p_source_path": string };
        Returns: Json;
      };
      "remove_workflow_file": { Args: { "p_source_path": string }; Returns: Json };
      "reset_job": { Args: { "p_job_id": number }; Returns: Json };
      "restart_run": {
        Args: {
          "p_definition"?: string;
          "p_mode": string;
          "p_payload"?: Json;
          "p_ring"?: boolean;
          "p_step_id"?: string;
          "p_workflow_run_id": string;
        };
        Returns: Json;
      };
      "retry_job": { Args: { "p_job_id": number }; Returns: Json };
      "ring_worker": { Args: Record<PropertyKey, never>; Returns: Json };
      "settle_delivery": {
        Args: {
          "p_attempt": number;
          "p_delivery_id": string;
          "p_disable_reason"?: string;
          "p_generation": number;
          "p_job_id": number;
          "p_result": Json;
        };
        Returns: Json;
      };
      "settle_traces": { Args: { "p_results": Json }; Returns: Json };
      "snooze_jobs": { Args: { "p_leases": Json; "p_worker_id": string }; Returns: Json };
      "start_triggered_run": {
        Args: {
          "p_idempotency_key"?: string;
          "p_key_id": string;
          "p_payload": Json;
          "p_trace_parent"?: string;
          "p_trace_state"?: string;
          "p_user_id": string;
          "p_workflow_key": string;
        };
        Returns: Json;
      };
      "start_worker": { Args: { "p_max_workers": number; "p_worker_id": string }; Returns: Json };
      "stop_worker": { Args: { "p_force"?: boolean; "p_worker_id": string }; Returns: Json };
      "subscribe_schedule": {
        Args: {
          "p_intent_id"?: string;
          "p_payload"?: Json;
          "p_timezone"?: string;
          "p_user_id": string;
          "p_workflow_key": string;
        };
        Returns: Json;
      };
      "switch_trace_export": { Args: { "p_is_on": boolean }; Returns: Json };
      "take_tokens": {
        Args: { "p_key": string; "p_peek"?: boolean; "p_tokens"?: number };
        Returns: Json;
      };
      "unsubscribe_schedule": {
        Args: { "p_user_id": string; "p_workflow_key": string };
        Returns: Json;
      };
      "use_trigger_key": { Args: { "p_key_id": string; "p_workflow_key": string }; Returns: Json };
    };
    Enums: {
      [_ in never]: never;
    };
    CompositeTypes: {
      [_ in never]: never;
    };
  };
};

type DatabaseWithoutInternals = Omit<Database, "__InternalSupabase">;

type DefaultSchema = DatabaseWithoutInternals[Extract<keyof Database, "public">];

export type Tables<
  DefaultSchemaTableNameOrOptions extends
    | keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  } ? keyof (
      & DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
      & DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"]
    )
    : never = never,
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals } ? (
    & DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    & DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"]
  )[TableName] extends {
    Row: infer R;
  } ? R
  : never
  : DefaultSchemaTableNameOrOptions extends keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
    ? (DefaultSchema["Tables"] & DefaultSchema["Views"])[DefaultSchemaTableNameOrOptions] extends {
      Row: infer R;
    } ? R
    : never
  : never;

export type TablesInsert<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  } ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never,
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends
    {
      Insert: infer I;
    } ? I
  : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
    ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
      Insert: infer I;
    } ? I
    : never
  : never;

export type TablesUpdate<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  } ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never,
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends
    {
      Update: infer U;
    } ? U
  : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
    ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
      Update: infer U;
    } ? U
    : never
  : never;

export type Enums<
  DefaultSchemaEnumNameOrOptions extends
    | keyof DefaultSchema["Enums"]
    | { schema: keyof DatabaseWithoutInternals },
  EnumName extends DefaultSchemaEnumNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  } ? keyof DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"]
    : never = never,
> = DefaultSchemaEnumNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"][EnumName]
  : DefaultSchemaEnumNameOrOptions extends keyof DefaultSchema["Enums"]
    ? DefaultSchema["Enums"][DefaultSchemaEnumNameOrOptions]
  : never;

export type CompositeTypes<
  PublicCompositeTypeNameOrOptions extends
    | keyof DefaultSchema["CompositeTypes"]
    | { schema: keyof DatabaseWithoutInternals },
  CompositeTypeName extends PublicCompositeTypeNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  } ? keyof DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"]
    : never = never,
> = PublicCompositeTypeNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"][
    CompositeTypeName
  ]
  : PublicCompositeTypeNameOrOptions extends keyof DefaultSchema["CompositeTypes"]
    ? DefaultSchema["CompositeTypes"][PublicCompositeTypeNameOrOptions]
  : never;

export const Constants = {
  "public": {
    Enums: {},
  },
} as const;
