// Triggers and steps of a definition in a few words, for tables and graphs. Pure.
import type {
  CompiledStep,
  CompiledTrigger,
  ItemsRule,
} from "../../../supabase/functions/_shared/contract/compiled_workflow.ts";
import { formatDuration } from "../../../supabase/functions/_shared/contract/duration.ts";

/** The step that holds the condition of a template. */
function isGate({ step_id }: CompiledStep): boolean {
  return step_id.endsWith(".$if");
}

/** What a step does: `call notify`, `wait for lead.approved`. */
export function describeAction(step: CompiledStep): string {
  const { kind, config, agent } = step;
  switch (kind) {
    case "wait":
      return `wait for ${config.wait?.event}`;
    case "sleep":
      return isGate(step)
        ? "condition of a template"
        : `sleep ${formatDuration(config.sleep_ms ?? 0)}`;
    case "workflow":
      return `run ${config.workflow}`;
    case "start":
      return "check the trigger's rules";
    case "failure":
      return "if a step has failed";
    default:
      return `call ${agent}`;
  }
}

/** The name to show: the steps that the compiler adds have none of their own. */
export function nameStep({ step_id, kind }: CompiledStep): string {
  if (kind === "start") return "start";
  return kind === "failure" ? "on failure" : step_id;
}

/** The marks of a step, each a word or two; the details are elsewhere. */
export function listMarks(step: CompiledStep): string[] {
  const { config, max_attempts, continue_on_error, kind } = step;
  const marks: string[] = [];
  if (config.unless !== undefined) marks.push("else");
  if (config.if !== undefined) marks.push("if");
  if (config.for_each !== undefined) marks.push("for each");
  if (config.mode === "async") marks.push("calls back");
  const join = describeJoin(step);
  if (join !== null && kind !== "failure") marks.push(join);
  if (max_attempts > 1 && kind === "call") {
    marks.push(`${max_attempts} attempts`);
  }
  if (continue_on_error) marks.push("may fail");
  return marks;
}

/** How it waits for the steps before it; null where it is the default way. */
export function describeJoin(
  { join_rule, join_min }: CompiledStep,
): string | null {
  switch (join_rule) {
    case "all":
      return join_min === 0 ? "after none failed" : "after all succeeded";
    case "early":
      return `after ${join_min} succeeded`;
    case "done":
      return "after all ended";
    case "failed":
      return "after one failed";
    default:
      return null;
  }
}

export function describeItemsRule(rule: ItemsRule | undefined): string {
  if (rule === undefined || rule === "all") return "all must succeed";
  if (rule === "any") return "one must succeed";
  return "at_least" in rule
    ? `${rule.at_least} or more must succeed`
    : `${rule.percent} % must succeed`;
}

/** What starts it: `on lead.created, or cron 30 2 * * 1-5`. */
export function describeTrigger(
  { type, event_types, cron, timezone }: CompiledTrigger,
): { events: string[]; cron: string | null; zone: string | null } {
  const hasCron = type !== "event" && cron !== null;
  return {
    events: event_types,
    cron: hasCron ? cron : null,
    zone: hasCron ? describeZone(timezone) : null,
  };
}

export function describeZone(timezone: string): string {
  return timezone === "user" ? "each user's own time zone" : timezone;
}
