// What a run must come to, told a second time and in another way than the database tells it: jobs are
// plain objects, and after every change all of them are looked at until nothing moves any more.
import { type Case, DEFAULT_ATTEMPTS, nameItem, nameUndo } from "./case.ts";
import type { StepSource, WorkflowSource } from "./case.ts";
import { byName, describeJob, type Engine, type Ruling, type Settled } from "./play.ts";
import { Reading } from "./reading.ts";
import {
  countNeeded,
  type End,
  hasEnded,
  isFailed,
  judgeJoin,
  type SkipReason,
  type Status,
  type Waits,
} from "./rules.ts";

/** What a worker does with a leased job. */
type Plan =
  | { does: "call"; sees: unknown }
  | { does: "succeed"; output: unknown }
  | { does: "fail" }
  | { does: "skip" }
  | { does: "skip run" }
  | { does: "split"; items: number[] }
  | { does: "handle" };

interface Job extends End {
  name: string;
  kind: "start" | "step" | "item" | "failure" | "undo";
  dependsOn: string[];
  waits: Waits;
  attempts: number;
  maxAttempts: number;
  step: StepSource | null;
  /** What its agent gets, where that is known from the beginning. */
  input: unknown;
  plan: Plan | null;
  output: unknown;
  errorClass: string | null;
  /** When it ended, in changes since the run began. */
  endedAt: number;
  /** Of a step that was split: its items, in order. */
  items: Job[] | null;
  /** Parked until now: its next lease goes on with the attempt that had begun. */
  isResumed: boolean;
}

const START = "$start";
const FAILURE = "$failure";

/** A run in memory. */
export class Model implements Engine {
  readonly #workflow: WorkflowSource;
  readonly #reading: Reading;
  readonly #jobs = new Map<string, Job>();
  #status = "running";
  #changes = 0;

  constructor({ workflow, inputs }: Pick<Case, "workflow" | "inputs">) {
    this.#workflow = workflow;
    this.#reading = new Reading(workflow, inputs);
    const hasStart = workflow.inputs !== undefined || workflow.trigger.if !== undefined;
    if (hasStart) this.#add({ name: START, kind: "start" });
    for (const step of workflow.steps) this.#addStep(step, hasStart ? [START] : []);
    if (workflow.steps.some((step) => step.compensate) || workflow.on_failure) {
      const dependsOn = [...this.#jobs.keys()];
      this.#add({ name: FAILURE, kind: "failure", dependsOn, waits: "failed" });
    }
    this.#advance();
  }

  lease(): string[] {
    const ready = [...this.#jobs.values()].filter(({ status }) => status === "ready");
    for (const job of ready) {
      job.status = "leased";
      if (!job.isResumed) job.attempts++;
      job.isResumed = false;
      job.plan = this.#plan(job);
    }
    return ready.map(({ name }) => name);
  }

  settle(rulings: Ruling[]): Settled[] {
    this.#changes++;
    const settled = rulings.map((ruling) => this.#apply(ruling));
    this.#advance();
    return settled;
  }

  lose(name: string): void {
    const job = this.#get(name);
    this.#changes++;
    if (job.status === "leased") this.#fail(job, "lease_expired");
    this.#advance();
  }

  cancel(): void {
    if (this.isOver()) return;
    for (const job of this.#jobs.values()) if (!hasEnded(job)) this.#end(job, "cancelled");
    this.#status = "cancelled";
  }

  isOver(): boolean {
    return this.#status !== "running";
  }

  describe(): string[] {
    const jobs = [...this.#jobs.values()].toSorted((a, b) => byName(a.name, b.name));
    return [`run: ${this.#status}`, ...jobs.map((job) => describeJob({ job: job.name, ...job }))];
  }

  #get(name: string): Job {
    return this.#jobs.get(name)!;
  }

  #add(job: Partial<Job> & Pick<Job, "name" | "kind">): Job {
    const added: Job = {
      status: "waiting",
      dependsOn: [],
      waits: null,
      attempts: 0,
      maxAttempts: DEFAULT_ATTEMPTS,
      isTolerated: false,
      step: null,
      input: null,
      plan: null,
      output: null,
      skipReason: null,
      errorClass: null,
      endedAt: 0,
      items: null,
      isResumed: false,
      ...job,
    };
    this.#jobs.set(job.name, added);
    return added;
  }

  /** `roots`: what a step without dependencies waits for, whatever becomes of it. */
  #addStep(step: StepSource, roots: string[], rootsWait: Waits = null): void {
    const dependsOn = this.#reading.listDependencies(step);
    const isRoot = dependsOn.length === 0;
    this.#add({
      name: step.id,
      kind: "step",
      step,
      dependsOn: isRoot ? roots : dependsOn,
      waits: isRoot ? rootsWait : this.#reading.readJoin(step),
      maxAttempts: step.retry.max_attempts,
      isTolerated: step.continue_on_error ?? false,
    });
  }

  /** Undoing, the newest success first, then the steps of on_failure; a failed one stops nothing. */
  #addHandlers(): void {
    const undone = this.#workflow.steps
      .filter((step) => step.compensate && this.#get(step.id).status === "success")
      .toSorted((a, b) => this.#get(b.id).endedAt - this.#get(a.id).endedAt);
    let before: string[] = [];
    for (const { id, compensate } of undone) {
      const undo = this.#add({
        name: nameUndo(id),
        kind: "undo",
        dependsOn: before,
        waits: "all_done",
        maxAttempts: compensate!.retry.max_attempts,
        input: { [id]: this.#get(id).output },
      });
      before = [undo.name];
    }
    for (const step of this.#workflow.on_failure ?? []) this.#addStep(step, before, "all_done");
  }

  #plan(job: Job): Plan {
    switch (job.kind) {
      case "failure":
        return { does: "handle" };
      case "start": {
        const { if: condition } = this.#workflow.trigger;
        const goesOn = condition === undefined || this.#reading.isOpen(condition);
        return goesOn ? { does: "succeed", output: null } : { does: "skip run" };
      }
      case "item":
      case "undo":
        return { does: "call", sees: job.input };
      case "step":
        return job.items === null ? this.#planStep(job.step!) : planCollection(job);
    }
  }

  #planStep(step: StepSource): Plan {
    const statusOf = (id: string) => this.#get(id).status;
    if (!this.#reading.isMet(step, statusOf)) return { does: "skip" };
    if (step.for_each === undefined) return { does: "call", sees: this.#gather(step) };
    const items = this.#reading.readList(step);
    return items.length === 0 ? { does: "succeed", output: [] } : { does: "split", items };
  }

  /** Outputs of the dependencies that have succeeded by now. */
  #gather(step: StepSource): unknown {
    const succeeded = this.#reading.listDependencies(step)
      .map((id) => this.#get(id))
      .filter(({ status }) => status === "success");
    return Object.fromEntries(succeeded.map(({ name, output }) => [name, output]));
  }

  #apply({ job: name, lease, verdict }: Ruling): Settled {
    const job = this.#get(name);
    const plan = job.plan!;
    const called = plan.does === "call" ? { called: plan.sees } : {};
    if (job.status !== "leased") return { job: name, isApplied: false, ...called };
    if (plan.does !== "call") this.#applyPlan(job, plan);
    else if (verdict === "success") this.#succeed(job, { from: name, lease });
    else if (verdict === "dead") this.#die(job, "http_4xx");
    else this.#fail(job, "http_5xx");
    return { job: name, isApplied: true, ...called };
  }

  #applyPlan(job: Job, plan: Exclude<Plan, { does: "call" }>): void {
    switch (plan.does) {
      case "succeed":
        return this.#succeed(job, plan.output);
      case "fail":
        return this.#die(job, "items_failed");
      case "skip":
        job.attempts--;
        return this.#end(job, "skipped", "condition");
      case "skip run":
        job.attempts--;
        for (const each of this.#jobs.values()) this.#end(each, "skipped", "condition");
        this.#status = "skipped";
        return;
      case "split":
        return this.#split(job, plan.items);
      case "handle":
        this.#succeed(job, null);
        return this.#addHandlers();
    }
  }

  #succeed(job: Job, output: unknown): void {
    job.output = output;
    this.#end(job, "success");
  }

  #fail(job: Job, errorClass: string): void {
    if (job.attempts < job.maxAttempts) job.status = "ready";
    else this.#die(job, errorClass);
  }

  #die(job: Job, errorClass: string): void {
    job.errorClass = errorClass;
    this.#end(job, "dead");
  }

  #end(job: Job, status: Status, skipReason: SkipReason | null = null): void {
    job.status = status;
    job.skipReason = skipReason;
    job.endedAt = this.#changes;
  }

  #split(job: Job, items: number[]): void {
    const { name, step, maxAttempts } = job;
    job.status = "parked";
    job.items = items.map((item, index) => {
      const input = { item, index };
      return this.#add({ name: nameItem(name, index), kind: "item", step, maxAttempts, input });
    });
  }

  /** Looks at all jobs until nothing moves any more. */
  #advance(): void {
    if (this.isOver()) return;
    for (let hasMoved = true; hasMoved;) {
      hasMoved = false;
      for (const job of this.#jobs.values()) hasMoved = this.#move(job) || hasMoved;
    }
    const jobs = [...this.#jobs.values()];
    if (!jobs.every(hasEnded)) return;
    const hasFailed = jobs.some((job) => job.kind !== "item" && isFailed(job));
    this.#status = hasFailed ? "failed" : "success";
  }

  #move(job: Job): boolean {
    if (job.status === "parked") return this.#moveItems(job);
    if (hasEnded(job)) return this.#cancelRest(job);
    if (job.status !== "waiting" || job.kind === "item") return false;
    const ends = job.dependsOn.map((name) => this.#get(name));
    const verdict = judgeJoin(job.waits, ends.map((end) => hasEnded(end) ? end : null));
    if (verdict === "wait") return false;
    if (verdict === "run") job.status = "ready";
    else this.#end(job, "skipped", verdict);
    return true;
  }

  /** Nobody needs the items of a fan-out that has ended. */
  #cancelRest({ items }: Job): boolean {
    const open = (items ?? []).filter((item) => !hasEnded(item));
    for (const item of open) this.#end(item, "cancelled");
    return open.length > 0;
  }

  /** Lets as many items go as may go at once, or calls the step's own job once all is decided. */
  #moveItems(job: Job): boolean {
    const { step, items } = job as { step: StepSource; items: Job[] };
    if (isDecided(step, items)) {
      job.status = "ready";
      job.isResumed = true;
      return true;
    }
    const going = items.filter(({ status }) => status === "ready" || status === "leased").length;
    const next = items
      .filter(({ status }) => status === "waiting")
      .slice(0, (step.max_concurrency ?? items.length) - going);
    for (const item of next) item.status = "ready";
    return next.length > 0;
  }
}

/** All have ended, or any will do and one succeeded, or too many are dead. */
function isDecided({ success }: StepSource, items: Job[]): boolean {
  const needed = countNeeded(success, items.length);
  const dead = items.filter(({ status }) => status === "dead").length;
  const isMet = success === "any" && countSuccesses(items) >= needed;
  return isMet || items.length - dead < needed || items.every(hasEnded);
}

/** The list in the order of the items, null for those without success. */
function planCollection({ step, items }: Job): Plan {
  if (countSuccesses(items!) < countNeeded(step!.success, items!.length)) return { does: "fail" };
  return {
    does: "succeed",
    output: items!.map(({ status, output }) => status === "success" ? output : null),
  };
}

function countSuccesses(items: Job[]): number {
  return items.filter(({ status }) => status === "success").length;
}
