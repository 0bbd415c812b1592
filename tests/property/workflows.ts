// From random drafts to cases: a workflow that the compiler takes, the inputs that it uses, and a
// script for what happens to its jobs.
import type fc from "fast-check";
import {
  type Case,
  type Inputs,
  type Join,
  nameItem,
  nameUndo,
  type StepSource,
  type Verdict,
  type WorkflowSource,
} from "./case.ts";
import { type Draft, drafts, type StepDraft } from "./drafts.ts";
import { readEarly } from "./rules.ts";

const CALL = "/functions/v1/agent-proxy/noop";

/** Cases of one run each. */
export const cases: fc.Arbitrary<Case> = drafts.map(buildCase);

let made = 0;

function buildCase(draft: Draft): Case {
  const steps = buildSteps(draft.steps, "s");
  const handlers = buildSteps(draft.handlers, "h", steps.map(({ id }) => id))
    .map(({ compensate: _, ...step }) => step);
  const used = [...steps, ...handlers].flatMap((step) => [step.if ?? "", step.for_each ?? ""]);
  const inputs = pickInputs(draft, used);
  const workflow: WorkflowSource = {
    // A key of its own, so that no case meets the definition of another.
    key: `case_${++made}`,
    trigger: { type: "manual", ...(draft.gate === null ? {} : { if: "event.payload.gate" }) },
    ...(used.some((it) => it.startsWith("inputs.")) ? { inputs: describeInputs(inputs) } : {}),
    steps,
    ...(handlers.length > 0 ? { on_failure: handlers } : {}),
  };
  const { picks, batches, isEager, cancelAt } = draft;
  const verdicts = tellVerdicts(draft);
  // They are undone in the order in which they succeeded.
  const alone = steps.filter(({ compensate }) => compensate !== undefined).map(({ id }) => id);
  return { workflow, inputs, script: { verdicts, alone, picks, batches, isEager, cancelAt } };
}

/** `known`: steps outside the list that conditions may ask about. */
function buildSteps(list: StepDraft[], letter: string, known: string[] = []): StepSource[] {
  const steps: StepSource[] = [];
  for (const draft of list) {
    steps.push(buildStep(draft, `${letter}${steps.length + 1}`, steps, known));
  }
  return steps;
}

function buildStep(
  draft: StepDraft,
  id: string,
  before: StepSource[],
  known: string[],
): StepSource {
  const chain = findChain(draft.elseOf, before);
  const dependsOn = draft.edges
    .map((distance) => before[before.length - 1 - distance]?.id)
    .filter((found) => found !== undefined && !waitsFor(found, chain[0]?.id, before));
  const join = fitJoin(draft.join, dependsOn.length, chain);
  const joins = join ?? chain.find((other) => other.join !== undefined)?.join ?? null;
  // A step that does not wait for all may find a dependency in any state.
  const askable = readEarly(joins) === null ? [...dependsOn, ...known] : known;
  const { condition, undo } = draft;
  return {
    id,
    call: CALL,
    ...(dependsOn.length > 0 ? { depends_on: dependsOn } : {}),
    ...(join === null ? {} : { join }),
    ...(condition === null ? {} : { if: writeCondition(condition, askable) }),
    ...(chain.length === 0 ? {} : { else_of: chain[0].id }),
    ...buildFan(draft.fan),
    ...(draft.isTolerated ? { continue_on_error: true } : {}),
    ...(undo === null
      ? {}
      : { compensate: { call: CALL, retry: { max_attempts: undo.attempts } } }),
    retry: { max_attempts: draft.attempts },
  };
}

/** The step that this one is the else of, and those before it, nearest first. */
function findChain(elseOf: number | null, before: StepSource[]): StepSource[] {
  const conditional = before.filter((step) => step.if !== undefined);
  if (elseOf === null || conditional.length === 0) return [];
  const chain = [conditional[conditional.length - 1 - elseOf % conditional.length]];
  for (let id = chain[0].else_of; id !== undefined; id = chain[0].else_of) {
    chain.unshift(before.find((step) => step.id === id)!);
  }
  return chain.toReversed();
}

/** Whether a step is the other one or waits for it; the compiler refuses an else behind its if. */
function waitsFor(id: string, other: string | undefined, steps: StepSource[]): boolean {
  const found = new Set([id]);
  for (const at of found) {
    const step = steps.find((it) => it.id === at)!;
    const chain = [step];
    while (chain[0].else_of) chain.unshift(steps.find((it) => it.id === chain[0].else_of)!);
    for (const it of chain.flatMap(({ depends_on = [] }) => depends_on)) found.add(it);
  }
  return other !== undefined && found.has(other);
}

function fitJoin(wanted: Join | null, dependencies: number, chain: StepSource[]): Join | null {
  if (wanted === null || dependencies === 0) return null;
  const asksStatus = chain.some((step) => step.if!.startsWith("steps."));
  if (asksStatus && readEarly(wanted) !== null) return null;
  if (typeof wanted === "string") return wanted;
  return { at_least: (wanted.at_least - 1) % dependencies + 1 };
}

function writeCondition(
  { input, status }: NonNullable<StepDraft["condition"]>,
  askable: string[],
): string {
  if (status === null || askable.length === 0) return `inputs.c${input}`;
  return `steps.${askable[input % askable.length]}.status == "${status}"`;
}

function buildFan(fan: StepDraft["fan"]): Partial<StepSource> {
  if (fan === null) return {};
  return {
    for_each: `inputs.l${fan.list}`,
    ...(fan.atOnce === null ? {} : { max_concurrency: fan.atOnce }),
    ...(fan.rule === null ? {} : { success: fan.rule }),
  };
}

/** Only what the workflow uses, so that a small case looks small. */
function pickInputs({ conditions, lists, gate }: Draft, used: string[]): Inputs {
  const entries = [
    ...conditions.map((value, at) => [`c${at}`, value] as const),
    ...lists.map((value, at) => [`l${at}`, value] as const),
  ];
  return {
    ...Object.fromEntries(entries.filter(([name]) => used.includes(`inputs.${name}`))),
    ...(gate === null ? {} : { gate }),
  };
}

/** The inputs' JSON Schema. */
function describeInputs(inputs: Inputs): Record<string, unknown> {
  const properties = Object.entries(inputs).map(([name, value]) => [
    name,
    Array.isArray(value) ? { type: "array", items: { type: "integer" } } : { type: "boolean" },
  ]);
  return { type: "object", properties: Object.fromEntries(properties) };
}

function tellVerdicts(draft: Draft): Record<string, Verdict[]> {
  const told: [string, Verdict[]][] = [
    ["$start", draft.start],
    ["$failure", draft.failure],
    ...draft.steps.flatMap((step, at) => tellStep(step, `s${at + 1}`)),
    ...draft.handlers.flatMap((step, at) => tellStep(step, `h${at + 1}`)),
  ];
  return Object.fromEntries(told.filter(([, list]) => list.length > 0));
}

function tellStep({ verdicts, fan, undo }: StepDraft, id: string): [string, Verdict[]][] {
  return [
    [id, verdicts],
    ...(fan?.items ?? []).map((list, index): [string, Verdict[]] => [nameItem(id, index), list]),
    [nameUndo(id), undo?.verdicts ?? []],
  ];
}
