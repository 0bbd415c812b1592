// The actions in words; one that is not listed here is shown by its own name.
const ACTION_WORDS: Record<string, string> = {
  "run.cancel": "cancelled a run",
  "run.restart": "restarted a run",
  "run.dispatch": "started a run",
  "runs.cancel": "cancelled runs by a filter",
  "runs.restart_failed": "restarted failed runs by a filter",
  "job.retry": "retried a job",
  "job.reset": "reset a job",
  "job.approve": "approved a step",
  "job.reject": "rejected a step",
  "jobs.retry": "replayed dead letters by a filter",
  "workflow.publish": "published a workflow",
  "schedule.pause": "paused a schedule",
  "schedule.resume": "resumed a schedule",
  "schedule.run_now": "ran a schedule now",
  "policy.set": "set a rate limit policy",
  "policy.delete": "deleted a rate limit policy",
  "operator.grant": "gave somebody a role",
  "operator.revoke": "took somebody's role",
  "hook.set": "set a source of webhooks",
  "hook.rotate": "gave a source of webhooks a new secret",
  "hook.delete": "deleted a source of webhooks",
};

export const ACTION_OPTIONS = Object.entries(ACTION_WORDS)
  .map(([value, text]) => ({ value, text }));

export function describeAction(action: string): string {
  return ACTION_WORDS[action] ?? action;
}

const REFUSED = [
  "not_found",
  "conflict",
  "invalid",
  "already_finished",
  "unknown_workflow",
];

export function isRefused(result: string): boolean {
  return REFUSED.includes(result);
}
