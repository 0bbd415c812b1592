// What a lease says once, for a run or a step, is put into each job that it is about.
import { listRows } from "./columns.ts";
import type { Lease, LeasedJob, SentLease, SentRead } from "./rows.ts";

/** Builds the jobs of a lease; the rest is as it was sent. */
export function joinLease(sent: SentLease): Lease {
  const { next_due_ms, deferred, signals } = sent;
  return { jobs: joinJobs(sent), next_due_ms, deferred, signals };
}

function joinJobs({ jobs, runs, configs, reads, lease_token, leased_us }: SentLease): LeasedJob[] {
  if (jobs === null || runs === null) return [];
  const places = new Map(runs.workflow_run_id.map((id, place) => [id, place]));
  const steps = new Map(
    configs?.map((it) => [writeConfigKey(it.definition_id, it.step_no, it.is_item), it]),
  );
  const readsByJob = Map.groupBy(listRows(reads), (read) => read.job_id);
  return jobs.job_id.map((jobId, at): LeasedJob => {
    const runId = jobs.workflow_run_id[at];
    const place = places.get(runId)!;
    const itemIndex = jobs.item_index[at];
    const step = steps.get(
      writeConfigKey(jobs.definition_id[at], jobs.step_no[at], itemIndex >= 0),
    )!;
    const generation = jobs.generation[at];
    const read = readsByJob.get(jobId);
    const more = jobs.more[at];
    const scope = more?.scope ?? null;
    if (scope !== null) scope.event.payload = runs.payload[place];
    const job: LeasedJob = {
      job_id: jobId,
      lease_token: lease_token!,
      workflow_run_id: runId,
      workflow_key: runs.workflow_key[place],
      definition_id: step.definition_id,
      step_no: step.step_no,
      step_id: step.step_id,
      user_id: runs.user_id[place],
      intent_id: runs.intent_id[place],
      attempt: jobs.attempt[at],
      max_attempts: jobs.max_attempts[at],
      agent: step.agent,
      config: step.config,
      run_payload: runs.payload[place],
      inputs: read === undefined ? {} : readOutputs(read),
      others: read === undefined ? null : readOthers(read),
      idempotency_key: writeIdempotencyKey(runId, step.step_id, itemIndex, generation),
      generation,
      item_index: itemIndex,
      input: more?.input ?? null,
      scope,
      queued_ms: more?.queued_ms ?? null,
      parked: more?.parked ?? null,
    };
    // A call that is only described was not leased, and has none.
    if (leased_us !== null) {
      const trace = runs.trace[place];
      job.trace = {
        trace_parent: trace?.trace_parent ?? null,
        trace_state: trace?.trace_state ?? null,
        leased_us,
      };
    }
    return job;
  });
}

function writeConfigKey(definitionId: number, stepNo: number, isItem: boolean): string {
  return `${definitionId}:${stepNo}:${isItem}`;
}

/** The same for every call of one execution of a step or an item, whatever the attempt. */
function writeIdempotencyKey(
  runId: string,
  stepId: string,
  itemIndex: number,
  generation: number,
): string {
  const item = itemIndex >= 0 ? `${itemIndex}:` : "";
  return `${runId}:${stepId}:${item}${generation}`;
}

function readOutputs(read: SentRead[]): LeasedJob["inputs"] {
  // From entries, so that no step's name can mean more than a name.
  return Object.fromEntries(
    read.filter(({ other }) => other === null).map(({ step_id, output }) => [step_id, output]),
  );
}

function readOthers(read: SentRead[]): LeasedJob["others"] {
  const others = read.filter(({ other }) => other !== null);
  if (others.length === 0) return null;
  return Object.fromEntries(others.map(({ step_id, other }) => [step_id, other!]));
}
