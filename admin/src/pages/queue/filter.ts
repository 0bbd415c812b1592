// The filter of jobs: from the URL, and in words for whoever confirms a bulk action.
import type { ErrorClass } from "../../../../supabase/functions/_shared/contract/statuses.ts";
import { pickGiven, type Query } from "../../router.ts";

export interface JobFilter {
  workflow_key?: string;
  user_id?: string;
  error_class?: ErrorClass;
  text?: string;
}

/** All but the status, which the tabs choose. */
export const FILTER_NAMES = [
  "workflow_key",
  "user_id",
  "error_class",
  "text",
] as const;

export function readFilter(query: Query): JobFilter {
  return pickGiven(query, FILTER_NAMES);
}

/** One phrase a part; empty: every job. */
export function describeFilter(filter: JobFilter): string[] {
  const phrases: Record<keyof JobFilter, (value: string) => string> = {
    workflow_key: (key) => `of the workflow ${key}`,
    user_id: (user) => `of the user ${user}`,
    error_class: (name) => `with the error class ${name}`,
    text: (text) => `in which “${text}” occurs`,
  };
  return FILTER_NAMES.filter((name) => filter[name])
    .map((name) => phrases[name](filter[name]!));
}
