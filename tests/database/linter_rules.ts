// The rules of Supabase's database linter (https://supabase.com/docs/guides/database/database-linter), by their
// published names: each with a query of ours over the catalogs that lists what breaks it, and statements that
// break it.
import { EXPOSURE_RULES } from "./linter_exposure.ts";
import { POLICY_RULES } from "./linter_policies.ts";
import { SCHEMA_RULES } from "./linter_schema.ts";

export const LINTER_RULES = [...SCHEMA_RULES, ...POLICY_RULES, ...EXPOSURE_RULES];

/** What the linter tells of this schema all the same. */
export const KNOWN_FINDINGS: Record<string, { findings: string[]; reason: string }> = {
  "0004_no_primary_key": {
    findings: ["orchestrator.metric_deltas"],
    reason:
      "every statement of the hot path appends to it and no row of it is ever looked up: a key would be one more index to write",
  },
  "0011_function_search_path_mutable": {
    findings: ["orchestrator.prune(IN p_budget interval)", "orchestrator.prune_definitions()"],
    reason:
      "Postgres forbids a procedure that has settings to commit; both run as their caller, and every name in them has its schema",
  },
};

/** Rules that ask about a running project and not about its schema. */
export const NOT_OF_THE_SCHEMA: Record<string, string> = {
  "0005_unused_index": "it counts scans since the last reset: in a new database no index was used",
  "0019_insecure_queue_exposed_in_api": "it is about tables of pgmq, which nothing here uses",
  "0020_table_bloat": "it measures tables that have been written for a while",
  "0022_extension_versions_outdated":
    "versions of extensions are the platform's: no migration names one",
  "0025_pg17_deprecated_extensions": "no migration installs an extension",
  "0031_unused_replication_slot": "it looks at slots of a server; nothing here replicates",
};
