// A worker without a network: leases, plans and settles with the worker's own code; only the request to
// an agent is replaced by an answer of the test's.
import { createCallbackTokens } from "../../supabase/functions/_shared/callback/token.ts";
import { readSettings } from "../../supabase/functions/_shared/contract/settings.ts";
import type { JobResult, LeasedJob } from "../../supabase/functions/_shared/database/rows.ts";
import { FakeOutputs } from "../../supabase/functions/_shared/outputs/fake_outputs.ts";
import type { AgentCall, CallOutcome } from "../../supabase/functions/_shared/worker/call.ts";
import { wallClock } from "../../supabase/functions/_shared/worker/clock.ts";
import { createExecutor } from "../../supabase/functions/_shared/worker/execute.ts";
import { compileWorkflow } from "../../supabase/functions/_shared/workflow/compile.ts";
import type { TestConnection, TestDatabase } from "./database.ts";

const LEASE_MS = 30_000;

/** A call as the agent of a step sees it. */
export interface Call {
  stepId: string;
  attempt: number;
  /** What the agent gets as `inputs`. */
  inputs: unknown;
  body: Record<string, unknown>;
  key: string;
}

/** What an agent does: its output, or an outcome of another kind. */
export type AgentAnswer = { output: unknown } | { status: number; body?: unknown } | "timeout";

export type Agents = Record<string, (call: Call) => AgentAnswer | Promise<AgentAnswer>>;

export const fails: AgentAnswer = { status: 400, body: { error: "no" } };
export const stumbles: AgentAnswer = { status: 500, body: { error: "not now" } };

export class Player {
  readonly calls: Call[] = [];
  readonly outputs = new FakeOutputs();
  readonly tokens = createCallbackTokens("sb_secret_test");
  readonly #rpc: TestConnection["rpc"];
  readonly #admin: TestDatabase["admin"];
  readonly #agents: Agents;
  readonly #execute: (job: LeasedJob) => Promise<Omit<JobResult, "job_id" | "lease_token">>;

  /** Agents by step id; the others answer with an empty output. */
  constructor(db: TestDatabase, agents: Agents = {}, rpc = db.rpc) {
    this.#rpc = rpc;
    this.#admin = db.admin;
    this.#agents = agents;
    const settings = readSettings(() => undefined, {});
    const execute = createExecutor({
      rpc,
      settings,
      outputs: this.outputs,
      tokens: this.tokens,
      clock: wallClock,
      identity: {
        baseUrl: "https://project.test",
        serviceJwt: "jwt",
        secretKey: "sb_secret_test",
        allowedAgentHosts: [],
        outputMaxBytes: settings.outputMaxBytes,
      },
      callAgent: (call) => this.#answer(call),
    });
    this.#execute = (job) => execute(job, job.config.timeout_ms, new AbortController().signal);
  }

  /** Publishes a workflow; throws the compiler's problems. */
  async publish(source: string | Record<string, unknown>, templates?: ReadonlyMap<string, string>) {
    const text = typeof source === "string" ? source : JSON.stringify(source);
    const settings = readSettings(() => undefined, {});
    const compiled = compileWorkflow(text, { settings, templates });
    if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems, null, 2));
    await this.#rpc.publishWorkflow({ compiled: compiled.workflow, source: text });
    return compiled.workflow;
  }

  /** Starts a run and answers its id. */
  async start(workflowKey: string, payload: Record<string, unknown> = {}, userId = "u") {
    const { runs } = await this.#rpc.dispatchWorkflows({
      requests: [{ user_id: userId, workflow_key: workflowKey, payload }],
      ring: false,
    });
    return runs[0].workflow_run_id!;
  }

  /** Works until nothing is due; answers how many leases it took. */
  async play(limit = 100): Promise<number> {
    let leased = 0;
    let results: JobResult[] = [];
    for (let round = 0; round < 10_000; round++) {
      const answer = await this.#rpc.completeJobs({
        workerId: "player",
        results,
        leaseLimit: limit,
        leaseMs: LEASE_MS,
      });
      while (answer.signals && (await this.#rpc.processSignals()).processed > 0);
      leased += answer.jobs.length;
      results = await Promise.all(answer.jobs.map((job) => this.#work(job)));
      const isOver = results.length === 0 && !answer.signals && answer.next_due_ms !== 0;
      if (isOver) return leased;
    }
    throw new Error("the queue does not become empty");
  }

  /** Leases up to `limit` jobs and executes them, without settling. */
  async hold(limit = 100): Promise<JobResult[]> {
    const { jobs } = await this.#rpc.leaseJobs({ workerId: "player", limit, leaseMs: LEASE_MS });
    return await Promise.all(jobs.map((job) => this.#work(job)));
  }

  async settle(results: JobResult[]) {
    return await this.#rpc.completeJobs({ workerId: "player", results });
  }

  /** Lets time pass in the database. */
  async pass(ms: number): Promise<void> {
    await this.#admin`
      update orchestrator.clock set shift = shift + ${ms} * interval '1 millisecond'`;
  }

  /** Steps by id: `status`, and the reason behind it where there is one. */
  async states(runId: string): Promise<Record<string, string>> {
    const rows = await this.#admin`
      select step_id, status, coalesce(skip_reason, error_class) as reason
      from public.job_queue
      where workflow_run_id = ${runId} and item_index = -1
      order by step_no`;
    return Object.fromEntries(rows.map(({ step_id, status, reason }) => [
      step_id,
      ["skipped", "dead", "failed"].includes(status) ? `${status}: ${reason}` : status,
    ]));
  }

  async run(runId: string) {
    return (await this.#rpc.getRun({ workflowRunId: runId }))!;
  }

  async output(runId: string, stepId: string): Promise<unknown> {
    const [row] = await this.#admin`
      select output from public.job_queue
      where workflow_run_id = ${runId} and step_id = ${stepId} and item_index = -1`;
    return row?.output;
  }

  async errorOf(runId: string, stepId: string): Promise<string | null> {
    const [row] = await this.#admin`
      select error_text from public.job_queue
      where workflow_run_id = ${runId} and step_id = ${stepId} and item_index = -1`;
    return row?.error_text ?? null;
  }

  /** The ids of the steps that were called, in order. */
  called(): string[] {
    return this.calls.map(({ stepId }) => stepId);
  }

  async #work(job: LeasedJob): Promise<JobResult> {
    const { job_id, lease_token, attempt } = job;
    return { job_id, lease_token, attempt, ...await this.#execute(job) };
  }

  async #answer(call: AgentCall): Promise<CallOutcome> {
    const body = (call.body ?? {}) as Record<string, unknown>;
    const seen: Call = {
      stepId: call.headers!["x-step-id"],
      attempt: Number(call.headers!["x-attempt"]),
      inputs: body.inputs,
      body,
      key: call.headers!["idempotency-key"],
    };
    this.calls.push(seen);
    const answer = await this.#agents[seen.stepId]?.(seen) ?? { output: {} };
    if (answer === "timeout") return { kind: "timeout", timeoutMs: call.timeoutMs, durationMs: 0 };
    const [status, json] = "status" in answer
      ? [answer.status, answer.body]
      : [200, { ok: true, output: answer.output }];
    const text = JSON.stringify(json) ?? "";
    return {
      kind: "received",
      status,
      retryAfter: null,
      location: null,
      text,
      bytes: new TextEncoder().encode(text).length,
      isCut: false,
      durationMs: 0,
    };
  }
}
