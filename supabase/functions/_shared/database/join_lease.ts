// What a lease says once, for a run or a step, is put into each job that it is about.
import type { Lease, LeasedJob, SentJob, SentLease } from "./rows.ts";

type Read = SentLease["reads"][number];

/** Builds the jobs of a lease; the rest is as it was sent. */
export function joinLease(sent: SentLease): Lease {
  const runs = new Map(sent.runs.map((run) => [run.workflow_run_id, run]));
  const configs = new Map(sent.configs.map((it) => [writeConfigKey(it, it.is_item), it]));
  const reads = Map.groupBy(sent.reads, (read) => read.job_id);
  const jobs = sent.jobs.map((job): LeasedJob => {
    const run = runs.get(job.workflow_run_id)!;
    const step = configs.get(writeConfigKey(job, job.item_index >= 0))!;
    const read = reads.get(job.job_id);
    const scope = job.more?.scope ?? null;
    if (scope !== null) scope.event.payload = run.payload;
    const joined: LeasedJob = {
      job_id: job.job_id,
      lease_token: sent.lease_token!,
      workflow_run_id: job.workflow_run_id,
      workflow_key: run.workflow_key,
      definition_id: job.definition_id,
      step_no: job.step_no,
      step_id: step.step_id,
      user_id: run.user_id,
      intent_id: run.intent_id,
      attempt: job.attempt,
      max_attempts: job.max_attempts,
      agent: step.agent,
      config: step.config,
      run_payload: run.payload,
      inputs: read === undefined ? {} : readOutputs(read),
      others: read === undefined ? null : readOthers(read),
      idempotency_key: writeIdempotencyKey(job, step.step_id),
      generation: job.generation,
      item_index: job.item_index,
      input: job.more?.input ?? null,
      scope,
      queued_ms: job.more?.queued_ms ?? null,
      parked: job.more?.parked ?? null,
    };
    // A call that is only described was not leased, and has none.
    if (sent.leased_us != null) {
      joined.trace = {
        trace_parent: run.trace?.trace_parent ?? null,
        trace_state: run.trace?.trace_state ?? null,
        leased_us: sent.leased_us,
      };
    }
    return joined;
  });
  const { next_due_ms, deferred, signals } = sent;
  return { jobs, next_due_ms, deferred, signals };
}

function writeConfigKey(
  { definition_id, step_no }: { definition_id: number; step_no: number },
  isItem: boolean,
): string {
  return `${definition_id}:${step_no}:${isItem}`;
}

/** The same for every call of one execution of a step or an item, whatever the attempt. */
function writeIdempotencyKey(
  { workflow_run_id, item_index, generation }: SentJob,
  stepId: string,
): string {
  const item = item_index >= 0 ? `${item_index}:` : "";
  return `${workflow_run_id}:${stepId}:${item}${generation}`;
}

function readOutputs(read: Read[]): LeasedJob["inputs"] {
  // From entries, so that no step's name can mean more than a name.
  return Object.fromEntries(
    read.filter(({ other }) => other === null).map(({ step_id, output }) => [step_id, output]),
  );
}

function readOthers(read: Read[]): LeasedJob["others"] {
  const others = read.filter(({ other }) => other !== null);
  if (others.length === 0) return null;
  return Object.fromEntries(others.map(({ step_id, other }) => [step_id, other!]));
}
