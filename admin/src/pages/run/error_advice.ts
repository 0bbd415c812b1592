// What an error class means and what to do about it, for whoever is awake at three in the morning.
const ADVICE: Record<string, string> = {
  network:
    "The agent could not be reached. See whether it runs and its address is right, then retry.",
  timeout:
    "The agent gave no whole answer in time. See whether it is slow or hangs; a longer timeout_ms is set in the workflow.",
  rate_limited:
    "The agent answered 429 until no attempts were left. Retry later, or lower its rate limit.",
  http_5xx:
    "The agent failed on its side. Look at its logs under the times of the attempts, then retry.",
  http_4xx:
    "The agent refused the request. Compare the request below with what it expects; a retry sends the same.",
  agent_error: "The agent says that it could not do the work. Its error text says why.",
  invalid_response:
    "The answer was not what an agent answers: JSON with a boolean ok. The agent has to be mended.",
  output_too_large:
    "The answer was larger than output_max_bytes. Let the agent answer less, or raise the limit in the workflow.",
  lease_expired:
    "The worker was not heard of any more, in every attempt. See whether the function is killed for its memory or time.",
  in_progress:
    "The agent said that an earlier delivery is being worked on, until no attempts were left. Retry later.",
  expression:
    "An expression of the workflow failed. Mend the workflow, then restart with the latest definition.",
  validation: "Inputs, items or appended steps break a rule. Run it again with a corrected input.",
  rejected: "A person rejected the step.",
  items_failed:
    "Too many items failed. Look at the failed items, mend the cause, then retry: good items are kept.",
  sub_workflow:
    "The run that it started did not succeed. Mend and restart that one, then retry this step.",
  run_timeout: "The run took longer than its timeout.",
  internal: "The call may not be made. The error text says which rule stands against it.",
  cancelled: "It was cut short because the run was cancelled.",
};

export function adviseOnError(errorClass: string | null): string {
  return ADVICE[errorClass ?? ""] ?? "";
}
