// The filter of runs: from the URL, and in words for whoever confirms a bulk action.
import type { RunFilter } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { pickGiven, type Query } from "../../router.ts";
import { formatLocal, formatUtc } from "../../ui/time.ts";

export const FILTER_NAMES = [
  "workflow_key",
  "status",
  "user_id",
  "intent_id",
  "from",
  "to",
  "text",
] as const;

export function readFilter(query: Query): RunFilter {
  return pickGiven(query, FILTER_NAMES);
}

/** One phrase a part; empty: every run. */
export function describeFilter(filter: RunFilter): string[] {
  const phrases: Record<keyof RunFilter, (value: string) => string> = {
    workflow_key: (key) => `of the workflow ${key}`,
    status: (status) => `with the status ${status}`,
    user_id: (user) => `of the user ${user}`,
    intent_id: (intent) => `of the intent ${intent}`,
    from: (at) => `started at or after ${describeTime(at)}`,
    to: (at) => `started before ${describeTime(at)}`,
    text: (text) => `in which “${text}” occurs`,
  };
  return FILTER_NAMES.filter((name) => filter[name])
    .map((name) => phrases[name](filter[name]!));
}

function describeTime(iso: string): string {
  if (Number.isNaN(Date.parse(iso))) return iso;
  return `${formatLocal(iso)} (${formatUtc(iso)})`;
}
