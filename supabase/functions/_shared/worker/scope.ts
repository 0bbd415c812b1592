// What a step's expressions can name, made of what its lease brought. Two views of it: the outer
// names, those of the workflow's file, and the inner ones of a template. Outputs that lie in Storage
// are fetched only once an expression that names them is about to be evaluated. Serves stage 5.
import type { LeasedJob, OutputRef } from "../database/rows.ts";
import { checkExpression, checkTemplate, type ExpressionNames } from "../expression/check.ts";
import {
  evaluateCondition,
  evaluateExpression,
  evaluateTemplate,
  type ExpressionContext,
  ExpressionError,
} from "../expression/evaluate.ts";
import type { OutputReader } from "../outputs/store.ts";
import { die, PlanEnd, tryAgain } from "./plan_end.ts";
import { describeStep } from "./step_kind.ts";

/** A step as expressions see it: `output` is null unless it succeeded. */
interface StepView {
  status: string;
  output: unknown;
}

type Steps = Record<string, StepView>;

/** Names that one evaluation has besides the step's own: `item`, `index`, another `event`. */
export type ExtraNames = Omit<ExpressionContext, "steps">;

const VARIABLES = ["inputs", "event", "run", "item", "index"];

export class Scope {
  readonly #job: LeasedJob;
  readonly #outputs: OutputReader;
  readonly #views: Steps;
  /** Outputs that were not fetched yet, by step id. */
  readonly #refs: Map<string, OutputRef>;
  readonly #outer: ExpressionContext;
  #inner: ExpressionContext | null = null;

  constructor(job: LeasedJob, outputs: OutputReader) {
    this.#job = job;
    this.#outputs = outputs;
    this.#views = viewSteps(job);
    this.#refs = listRefs(job);
    const { scope } = job;
    this.#outer = {
      inputs: scope?.inputs ?? job.run_payload,
      event: scope?.event,
      run: scope?.run,
      steps: this.#views,
    };
  }

  /** Evaluates a bare expression; `key` says where it stands in the step. */
  async evaluate(key: string, source: string, extra: ExtraNames = {}): Promise<unknown> {
    const context = await this.#prepare((names) => checkExpression(source, names).reads);
    return this.#try(() => key, () => evaluateExpression(source, { ...context, ...extra }));
  }

  /** Evaluates an expression that must be true or false. */
  async test(key: string, source: string, extra: ExtraNames = {}): Promise<boolean> {
    const context = await this.#prepare((names) => checkExpression(source, names).reads);
    return this.#try(() => key, () => evaluateCondition(source, { ...context, ...extra }));
  }

  /** Fills in the `${{ }}` of a value. */
  async fill(key: string, template: unknown, extra: ExtraNames = {}): Promise<unknown> {
    const fill = await this.prepareFill(key, template);
    return fill(extra);
  }

  /** The same for many evaluations of one template: what it reads is fetched once. */
  async prepareFill(
    key: string,
    template: unknown,
  ): Promise<(extra: ExtraNames) => unknown> {
    const context = await this.#prepare((names) => checkTemplate(template, names).reads);
    return (extra) => this.#fill(key, template, { ...context, ...extra });
  }

  /** For candidates that are looked at one by one; what this throws is the caller's to judge. */
  async prepareTest(source: string): Promise<(extra: ExtraNames) => boolean> {
    const context = await this.#prepare((names) => checkExpression(source, names).reads);
    return (extra) => evaluateCondition(source, { ...context, ...extra });
  }

  /** The output of a step that succeeded, fetched if need be. */
  async readOutput(stepId: string): Promise<unknown> {
    await this.#fetch([stepId]);
    return this.#views[stepId].output;
  }

  /** The inner context, with the outputs of the steps that `findReads` names. */
  async #prepare(findReads: (names: ExpressionNames) => string[]): Promise<ExpressionContext> {
    this.#inner ??= await this.#openInner();
    await this.#fetchReads(findReads, this.#inner, this.#job.config.names);
    return this.#inner;
  }

  async #openInner(): Promise<ExpressionContext> {
    const { params, names } = this.#job.config;
    const steps: Steps = { ...this.#views };
    for (const [name, stepId] of Object.entries(names ?? {})) {
      if (Object.hasOwn(this.#views, stepId)) steps[name] = this.#views[stepId];
    }
    if (params === undefined) return { ...this.#outer, steps };
    await this.#fetchReads((known) => checkTemplate(params, known).reads, this.#outer, undefined);
    // In the using step's file they are its `with`.
    return { ...this.#outer, inputs: this.#fill("with", params, this.#outer), steps };
  }

  async #fetchReads(
    findReads: (names: ExpressionNames) => string[],
    context: ExpressionContext,
    names: Record<string, string> | undefined,
  ): Promise<void> {
    if (this.#refs.size === 0) return;
    const known = Object.keys(context.steps ?? {});
    const reads = findReads({ steps: known, allSteps: known, variables: VARIABLES });
    // Own keys only: a step may be called `constructor`.
    const isNamed = (name: string) => names !== undefined && Object.hasOwn(names, name);
    await this.#fetch(reads.map((name) => isNamed(name) ? names![name] : name));
  }

  async #fetch(stepIds: readonly string[]): Promise<void> {
    await Promise.all(stepIds.map(async (stepId) => {
      const ref = this.#refs.get(stepId);
      if (ref === undefined) return;
      this.#views[stepId].output = await fetchOutput(stepId, ref, this.#outputs);
      this.#refs.delete(stepId);
    }));
  }

  #fill(key: string, template: unknown, context: ExpressionContext): unknown {
    return this.#try(
      ({ expression }) => findPlace(key, template, expression) ?? key,
      () => evaluateTemplate(template, context),
    );
  }

  /** `findKey`: where in the step an expression stands that failed. */
  #try<T>(findKey: (error: ExpressionError) => string, evaluate: () => T): T {
    try {
      return evaluate();
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      const place = `${describeStep(this.#job.step_id)}, ${findKey(error)}`;
      throw new PlanEnd(die("expression", `${place}: ${error.message}`));
    }
  }
}

/** The key of the first text that holds the expression, such as `with.lead.tags[0]`. */
function findPlace(key: string, template: unknown, expression: string): string | null {
  if (typeof template === "string") return template.includes(expression) ? key : null;
  if (typeof template !== "object" || template === null) return null;
  for (const [name, value] of Object.entries(template)) {
    const place = Array.isArray(template) ? `${key}[${name}]` : `${key}.${name}`;
    const found = findPlace(place, value, expression);
    if (found !== null) return found;
  }
  return null;
}

/** Fetches an output; throws the plan's end if Storage does not give it. */
export async function fetchOutput(
  what: string,
  ref: OutputRef,
  outputs: OutputReader,
): Promise<unknown> {
  try {
    return await outputs.get(ref);
  } catch (error) {
    throw new PlanEnd(tryAgain(`fetching the output of ${what}`, error));
  }
}

function viewSteps({ inputs, others }: LeasedJob): Steps {
  const views: Steps = {};
  for (const [stepId, output] of Object.entries(inputs)) {
    views[stepId] = { status: "success", output };
  }
  for (const [stepId, { status }] of Object.entries(others ?? {})) {
    views[stepId] = { status, output: null };
  }
  return views;
}

function listRefs({ others }: LeasedJob): Map<string, OutputRef> {
  const refs = new Map<string, OutputRef>();
  for (const [stepId, { output_ref }] of Object.entries(others ?? {})) {
    if (output_ref) refs.set(stepId, output_ref);
  }
  return refs;
}
