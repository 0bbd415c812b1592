// What a leased job needs: a call, with what its agent gets, or nothing but to be settled. Evaluates
// the step's expressions; what it reads from outside are outputs in Storage. Serves stage 5.
import type { EvaluatedCondition, LeasedJob, Parked } from "../database/rows.ts";
import type { OutputReader } from "../outputs/store.ts";
import { decide } from "./condition.ts";
import type { Attempt } from "./drain_seam.ts";
import { die, PlanEnd } from "./plan_end.ts";
import { collectItems, planItems } from "./plan_items.ts";
import { planRun, resumeRun } from "./plan_run.ts";
import { planStart } from "./plan_start.ts";
import { endCallback, planSleep, planWait, resumeWait } from "./plan_wait.ts";
import { Scope } from "./scope.ts";
import { isFanOut, isItem, readKind } from "./step_kind.ts";

export type Plan =
  | { do: "settle"; attempt: Attempt }
  /** `condition`: belongs to whatever becomes of the call. */
  | { do: "call"; inputs: unknown; condition?: EvaluatedCondition };

export interface PlanDeps {
  outputs: OutputReader;
  /** Most bytes of one output, and of all that one plan makes. */
  outputMaxBytes: number;
}

/** A call whose agent gets what the lease brought: nothing to evaluate, to fetch or to go on with. */
export function isPlainCall({ config, parked, others, item_index }: LeasedJob): boolean {
  const { kind, scoped, with: values, passes, names, queue_timeout_ms } = config;
  return !parked && !others && !scoped && kind === undefined && item_index < 0 &&
    values === undefined && passes === undefined && names === undefined &&
    queue_timeout_ms === undefined;
}

/** Plans a job. Throws only what is a mistake of the code. */
export async function planJob(job: LeasedJob, deps: PlanDeps): Promise<Plan> {
  if (isPlainCall(job)) return { do: "call", inputs: job.inputs };
  return await endEarly(() => plan(job, deps));
}

async function plan(job: LeasedJob, deps: PlanDeps): Promise<Plan> {
  const { config, parked } = job;
  const kind = readKind(config);
  if (kind === "failure") return settle({ outcome: "handle" });
  const scope = new Scope(job, deps.outputs);
  if (kind === "start") return settle(await planStart(job, scope));
  if (parked) return settle(await resume(job, parked, scope, deps));
  const late = checkQueueTime(job);
  if (late !== null) return settle(late);
  // An item's conditions were its step's, and its inputs are evaluated.
  if (isItem(job.item_index)) return begin(job, job.input, deps);
  const { runs, condition } = await decide(config, scope);
  if (!runs) return settle({ outcome: "skip", skip_reason: "condition", condition });
  return withCondition(await endEarly(() => beginStep(job, scope, deps)), condition);
}

async function endEarly(plan: () => Promise<Plan>): Promise<Plan> {
  try {
    return await plan();
  } catch (error) {
    if (error instanceof PlanEnd) return settle(error.attempt);
    throw error;
  }
}

async function resume(
  job: LeasedJob,
  parked: Parked,
  scope: Scope,
  { outputs, outputMaxBytes }: PlanDeps,
): Promise<Attempt> {
  switch (parked.for) {
    case "timer":
      return { outcome: "success", output: null };
    case "event":
      return await resumeWait(job, parked, scope);
    case "items":
      return await collectItems(job, parked, outputs, outputMaxBytes);
    case "run":
      return await resumeRun(job, parked, outputs, outputMaxBytes);
    case "callback":
      return endCallback(job);
    case "slot":
      return await planStart(job, scope);
  }
}

async function beginStep(job: LeasedJob, scope: Scope, deps: PlanDeps): Promise<Plan> {
  const { config } = job;
  if (isFanOut(job)) return settle(await planItems(job, scope, deps.outputMaxBytes));
  switch (readKind(config)) {
    case "sleep":
      return settle(planSleep(job));
    case "wait":
      return settle(planWait(job));
    case "workflow":
      return begin(job, await scope.fill("with", config.with ?? {}), deps);
    default:
      return begin(job, await gatherInputs(job, scope), deps);
  }
}

/** The call or the sub-run of a step or of an item. */
function begin(job: LeasedJob, inputs: unknown, { outputMaxBytes }: PlanDeps): Plan {
  if (readKind(job.config) !== "workflow") return { do: "call", inputs };
  return settle(planRun(job, inputs, outputMaxBytes));
}

/** What `with` says, else the outputs of the steps that it depends on and that succeeded. */
async function gatherInputs(job: LeasedJob, scope: Scope): Promise<unknown> {
  const { config, inputs, others } = job;
  // The query of a GET carries none.
  if (config.method === "GET") return {};
  if (config.with !== undefined) return await scope.fill("with", config.with);
  const stored = Object.entries(others ?? {}).filter(([, { output_ref }]) => output_ref);
  const succeeded = [...Object.keys(inputs), ...stored.map(([stepId]) => stepId)];
  const passed = config.passes === undefined
    ? succeeded
    : config.passes.filter((stepId) => succeeded.includes(stepId));
  // In a template's step, by the names of the template's file.
  const names = new Map(Object.entries(config.names ?? {}).map(([name, stepId]) => [stepId, name]));
  return Object.fromEntries(
    await Promise.all(
      passed.map(async (stepId) => [names.get(stepId) ?? stepId, await scope.readOutput(stepId)]),
    ),
  );
}

function checkQueueTime({ config, queued_ms, step_id }: LeasedJob): Attempt | null {
  const { queue_timeout_ms: limit } = config;
  if (limit === undefined || queued_ms === null || queued_ms <= limit) return null;
  const text = `waited ${Math.round(queued_ms)} ms in the queue, ${limit} ms are allowed`;
  return die("timeout", `step ${step_id}: ${text}`);
}

function settle(attempt: Attempt): Plan {
  return { do: "settle", attempt };
}

function withCondition(plan: Plan, condition: EvaluatedCondition | undefined): Plan {
  if (condition === undefined) return plan;
  return plan.do === "call" ? { ...plan, condition } : settle({ ...plan.attempt, condition });
}
