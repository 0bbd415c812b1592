// The stack with every example published from the bucket, as uploads of a user would be, and a look at
// what became of a run.
import { connect } from "../../supabase/functions/_shared/database/client.ts";
import type { JobStatus, RunStatus } from "../../supabase/functions/_shared/contract/statuses.ts";
import { WorkflowBucket } from "../../supabase/functions/_shared/registry/bucket.ts";
import { openStack, type TestStack, waitFor, waitForRun } from "../harness/stack.ts";

const WORKFLOWS = new URL("../../workflows/", import.meta.url);

type Payload = Record<string, unknown>;

/** The job of a step, as GET /runs/:id tells it. */
export interface SeenJob {
  job_id: number;
  step_id: string;
  status: JobStatus;
  skip_reason: string | null;
  error_class: string | null;
  error_text: string | null;
  attempts: number;
  output: unknown;
}

export interface SeenRun {
  workflow_run_id: string;
  status: RunStatus;
  skip_reason: string | null;
  /** Outputs of the last steps. */
  outputs: Record<string, unknown>;
  jobs: SeenJob[];
  sub_runs: { workflow_run_id: string; workflow_key: string; status: RunStatus }[];
  plan_revisions: Record<string, unknown>[];
}

export interface ExampleStack extends TestStack {
  /** Starts a run by dispatch; answers its id. */
  dispatch(key: string, payload?: Payload): Promise<string>;
  /** Inserts an event over HTTP; answers the ids of the runs that it starts. */
  insertEvent(type: string, payload: Payload, userId?: string): Promise<string[]>;
  /** Waits for the end of a run. */
  finish(runId: string): Promise<SeenRun>;
  look(runId: string): Promise<SeenRun>;
  /** Waits until the step is parked, and answers its job. */
  waitForParked(runId: string, stepId: string): Promise<SeenJob>;
  /** Lets time pass, and a worker look at what is due then. */
  skipTime(ms: number): Promise<void>;
}

/** Files of a folder of workflows/ by name. */
export async function readWorkflowFolder(folder: string): Promise<Map<string, string>> {
  const url = new URL(`${folder}/`, WORKFLOWS);
  const names = await Array.fromAsync(Deno.readDir(url), ({ name }) => name);
  return new Map(
    await Promise.all(
      names.sort().map(async (name) =>
        [name, await Deno.readTextFile(new URL(name, url))] as const
      ),
    ),
  );
}

/** Opens the stack; the caller closes it. */
export async function openExampleStack(): Promise<ExampleStack> {
  const stack = await openStack();
  try {
    await publishExamples(stack);
  } catch (error) {
    await stack.close();
    throw error;
  }
  return { ...stack, ...createLooks(stack) };
}

export async function publishExamples({ stack, post }: TestStack): Promise<void> {
  const { storage } = connect(stack.url, stack.keys.secret);
  const bucket = new WorkflowBucket(storage);
  for (const [name, source] of await readWorkflowFolder("templates")) {
    await bucket.upload(`templates/${name}`, source);
  }
  for (const [name, source] of await readWorkflowFolder("examples")) {
    await bucket.upload(name, source);
  }
  const { status, body } = await post("orchestrator/workflows/sync");
  const { rejected, failed } = body as { rejected: unknown[]; failed: unknown[] };
  if (status !== 200 || rejected.length + failed.length > 0) {
    throw new Error(`publishing the examples: ${status} ${JSON.stringify(body, null, 2)}`);
  }
}

function createLooks(s: TestStack): Omit<ExampleStack, keyof TestStack> {
  const demand = async (answer: ReturnType<TestStack["post"]>) => {
    const { status, body } = await answer;
    if (status >= 300) throw new Error(`${status} ${JSON.stringify(body)}`);
    return body;
  };
  const look = async (runId: string) => {
    return await demand(s.get(`orchestrator/runs/${runId}`)) as unknown as SeenRun;
  };
  return {
    look,
    dispatch: async (workflow_key, payload = {}) => {
      const request = { user_id: "ada", workflow_key, payload };
      return String((await demand(s.post("orchestrator/dispatch", request))).workflow_run_id);
    },
    insertEvent: async (type, payload, user_id = "ada") => {
      const body = await demand(s.post("orchestrator/events", { user_id, type, payload }));
      return body.workflow_run_ids as string[];
    },
    finish: async (runId) => {
      await waitForRun(s)(runId);
      return await look(runId);
    },
    waitForParked: (runId, stepId) =>
      waitFor(`${stepId} to wait`, async () => {
        const job = (await look(runId)).jobs.find(({ step_id }) => step_id === stepId);
        return job?.status === "parked" && job;
      }, async () => JSON.stringify(listStates(await look(runId)))),
    skipTime: async (ms) => {
      await s.passTime(ms);
      await demand(s.post("orchestrator/worker"));
    },
  };
}

/** Steps by id: the status, and the reason behind it where there is one. Without the compiler's own. */
export function listStates({ jobs }: Pick<SeenRun, "jobs">): Record<string, string> {
  return Object.fromEntries(
    jobs.filter(({ step_id }) => !step_id.startsWith("$")).map((job) => {
      const reason = job.skip_reason ?? job.error_class;
      return [job.step_id, reason === null ? job.status : `${job.status}: ${reason}`];
    }),
  );
}

/** The step's output. */
export function readOutput<T = Record<string, unknown>>(run: SeenRun, stepId: string): T {
  return run.jobs.find(({ step_id }) => step_id === stepId)?.output as T;
}
