// Plays a case on the real database, with the worker's real planning: only the call of an agent is
// replaced by the script's verdict, and time passes because the clock is moved.
import type { CompiledWorkflow } from "../../supabase/functions/_shared/contract/compiled_workflow.ts";
import { readSettings } from "../../supabase/functions/_shared/contract/settings.ts";
import type { JobResult, LeasedJob } from "../../supabase/functions/_shared/database/rows.ts";
import { FakeOutputs } from "../../supabase/functions/_shared/outputs/fake_outputs.ts";
import { type Plan, planJob } from "../../supabase/functions/_shared/worker/plan.ts";
import { compileWorkflow } from "../../supabase/functions/_shared/workflow/compile.ts";
import type { TestDatabase } from "../harness/database.ts";
import { dead, failure, success } from "../harness/worker.ts";
import { type Case, nameItem, nameUndo } from "./case.ts";
import { findBroken } from "./invariants.ts";
import {
  byName,
  describeJob,
  type Engine,
  type JobEnd,
  type Ruling,
  type Settled,
} from "./play.ts";

const WORKER = "w";

/** Longer than a case plays, so that no lease runs out but the one that is meant to. */
const LEASE_MS = 24 * 60 * 60 * 1_000;

/** More than a case has. */
const MOST_JOBS = 1_000;

/** Bounds a failure only. */
const GIVE_UP_MS = 30_000;

/** Longer than any backoff. */
const PAUSE_MS = 2 * 60 * 1_000;

interface Held {
  leased: LeasedJob;
  plan: Plan;
}

/** No output of a case is as large as to lie in Storage. */
const PLAN_DEPS = { outputs: new FakeOutputs(), outputMaxBytes: 1_000_000 };

export class DatabaseEngine implements Engine {
  readonly #db: TestDatabase;
  readonly #runId: string;
  readonly #nameOf: Map<string, string>;
  readonly #held = new Map<string, Held>();
  /** Leased by the call that settled others. */
  #leasedBefore: string[] = [];

  private constructor(db: TestDatabase, compiled: CompiledWorkflow, runId: string) {
    this.#db = db;
    this.#runId = runId;
    this.#nameOf = nameSteps(compiled);
  }

  /** Publishes the workflow and dispatches its run. */
  static async open(db: TestDatabase, { workflow, inputs }: Case): Promise<DatabaseEngine> {
    const source = JSON.stringify(workflow);
    const compiled = compileWorkflow(source, { settings: readSettings(() => undefined, {}) });
    if (!compiled.ok) throw new Error(`not compiled: ${JSON.stringify(compiled.problems)}`);
    await db.rpc.publishWorkflow({ compiled: compiled.workflow, source });
    const requests = [{ user_id: "u", workflow_key: workflow.key, payload: inputs }];
    const { runs } = await db.rpc.dispatchWorkflows({ requests, ring: false });
    return new DatabaseEngine(db, compiled.workflow, runs[0].workflow_run_id!);
  }

  async lease(): Promise<string[]> {
    await this.#passTime(PAUSE_MS);
    const jobs = await this.#leaseDue();
    const leased = [...this.#leasedBefore, ...await this.#take(jobs)];
    this.#leasedBefore = [];
    return leased;
  }

  /**
   * A session that found the front of the queue slow to reach remembers it for a second of real time, which
   * the moved clock does not bring to pass: what is due is asked for until it comes.
   */
  async #leaseDue(): Promise<LeasedJob[]> {
    for (const until = Date.now() + GIVE_UP_MS; Date.now() < until;) {
      const { jobs } = await this.#db.rpc.leaseJobs({
        workerId: WORKER,
        limit: MOST_JOBS,
        leaseMs: LEASE_MS,
      });
      if (jobs.length > 0) return jobs;
      const [{ isDue }] = await this.#db.admin<{ isDue: boolean }[]>`
        select exists (
          select from job_queue
          where status in ('queued', 'failed', 'parked') and next_run_at <= orchestrator.now()
        ) as "isDue"`;
      if (!isDue) return [];
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`waited ${GIVE_UP_MS / 1_000} s for a job that is due`);
  }

  async settle(rulings: Ruling[], leasesNext: boolean): Promise<Settled[]> {
    const held = rulings.map(({ job }) => this.#held.get(job)!);
    for (const { job } of rulings) this.#held.delete(job);
    const settlement = await this.#db.rpc.completeJobs({
      workerId: WORKER,
      results: rulings.map((ruling, at) => decide(held[at], ruling)),
      leaseLimit: leasesNext ? MOST_JOBS : 0,
      leaseMs: LEASE_MS,
    });
    this.#leasedBefore = await this.#take(settlement.jobs);
    const applied = new Map(settlement.results.map((it) => [it.job_id, it.applied]));
    return rulings.map(({ job }, at) => {
      const { leased, plan } = held[at];
      const called = plan.do === "call" ? { called: plan.inputs } : {};
      return { job, isApplied: applied.get(leased.job_id) ?? false, ...called };
    });
  }

  async lose(job: string): Promise<void> {
    this.#held.delete(job);
    await this.#passTime(LEASE_MS / 2);
    await this.#beat();
    await this.#passTime(LEASE_MS / 2 + PAUSE_MS);
    await this.#db.sql`select public.expire_leases(1000)`;
    await this.#beat();
  }

  /** The worker of all other leases is alive. */
  async #beat(): Promise<void> {
    const leases = [...this.#held.values()].map(({ leased: { job_id, lease_token } }) => ({
      job_id,
      lease_token,
    }));
    if (leases.length === 0) return;
    await this.#db.rpc.heartbeatJobs({ workerId: WORKER, leases, leaseMs: LEASE_MS });
  }

  async cancel(): Promise<void> {
    await this.#db.rpc.cancelRun({ workflowRunId: this.#runId });
  }

  async isOver(): Promise<boolean> {
    return await this.#readStatus() !== "running";
  }

  async describe(): Promise<string[]> {
    const status = await this.#readStatus();
    const broken = status === "running" ? [] : await findBroken(this.#db.admin, this.#runId);
    const jobs = await this.#listJobs();
    return [`run: ${status}`, ...broken, ...jobs.map(describeJob)];
  }

  async #readStatus(): Promise<string> {
    const [run] = await this.#db.admin<{ status: string }[]>`
      select status from workflow_runs where workflow_run_id = ${this.#runId}`;
    return run.status;
  }

  async #listJobs(): Promise<JobEnd[]> {
    const rows = await this.#db.admin<(JobEnd & { step_id: string; item_index: number })[]>`
      select
        step_id, item_index, status, attempts, output, skip_reason as "skipReason",
        -- That of an earlier attempt is kept, too.
        case when status = 'dead' then error_class end as "errorClass"
      from job_queue where workflow_run_id = ${this.#runId}`;
    return rows
      .map(({ step_id, item_index, ...end }) => ({ ...end, job: this.#name(step_id, item_index) }))
      .toSorted((a, b) => byName(a.job, b.job));
  }

  /** The job's name in the script. */
  #name(stepId: string, itemIndex: number): string {
    const name = this.#nameOf.get(stepId) ?? stepId;
    return itemIndex < 0 ? name : nameItem(name, itemIndex);
  }

  /** Plans leased jobs as a worker does at once; answers their names. */
  async #take(jobs: LeasedJob[]): Promise<string[]> {
    const names: string[] = [];
    for (const leased of jobs) {
      if (leased.workflow_run_id !== this.#runId) throw new Error("another run's job is leased");
      const name = this.#name(leased.step_id, leased.item_index);
      this.#held.set(name, { leased, plan: await planJob(leased, PLAN_DEPS) });
      names.push(name);
    }
    return names;
  }

  async #passTime(ms: number): Promise<void> {
    await this.#db.admin`
      update orchestrator.clock set shift = shift + ${ms} * interval '1 millisecond'`;
  }
}

/** Names of steps in the script by their ids in the database. */
function nameSteps({ steps }: CompiledWorkflow): Map<string, string> {
  return new Map(steps.map(({ step_id, compensates }) => {
    const undone = steps.find(({ step_no }) => step_no === compensates);
    return [step_id, undone === undefined ? step_id : nameUndo(undone.step_id)];
  }));
}

function decide({ leased, plan }: Held, { job, lease, verdict }: Ruling): JobResult {
  const { job_id, lease_token, attempt } = leased;
  const held = { job_id, lease_token, attempt };
  if (plan.do === "settle") return { ...held, ...plan.attempt };
  const condition = plan.condition === undefined ? {} : { condition: plan.condition };
  return { ...held, ...condition, ...answer({ job, lease, verdict }) };
}

/** What an agent's answer would have led to. */
function answer({ job, lease, verdict }: Ruling) {
  if (verdict === "success") return success({ from: job, lease });
  return verdict === "dead" ? dead() : failure();
}
