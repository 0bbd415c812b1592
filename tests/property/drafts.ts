// Random drafts of cases, made so that they shrink well: every choice is a small number, or one of a
// list whose first is the plainest, and a draft with a step less is still a draft.
import fc from "fast-check";
import { DEFAULT_ATTEMPTS, type ItemsRule, type Join, type Verdict } from "./case.ts";

const MOST_STEPS = 12;
const MOST_HANDLERS = 3;
const MOST_ITEMS = 6;
const CONDITIONS = 4;
const LISTS = 3;

/** One choice in so many is not the plain one, which is null. */
function oneIn<T>(many: number, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> {
  return fc.oneof(
    { withCrossShrink: true },
    { weight: many - 1, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary },
  );
}

/** A list of which a member may be missing: so any of them can be left out when it shrinks. */
function listOf<T>(member: fc.Arbitrary<T>, minLength: number, maxLength: number) {
  const mayBeMissing = fc.oneof(
    { withCrossShrink: true },
    { weight: 1, arbitrary: fc.constant(null) },
    { weight: 19, arbitrary: member },
  );
  return fc.array(mayBeMissing, { maxLength, size: "max" })
    .map((list) => list.filter((it) => it !== null))
    .filter((list) => list.length >= minLength);
}

function exactly<T>(length: number, member: fc.Arbitrary<T>): fc.Arbitrary<T[]> {
  return fc.array(member, { minLength: length, maxLength: length });
}

const verdict = fc.oneof(
  { withCrossShrink: true },
  { weight: 5, arbitrary: fc.constant<Verdict>("success") },
  { weight: 3, arbitrary: fc.constantFrom<Verdict[]>("retry", "lost", "dead") },
);
const verdicts = fc.array(verdict, { maxLength: 4 });

const join = oneIn(
  2,
  fc.constantFrom<Join[]>(
    "none_failed",
    "all_done",
    "all_success",
    "any_success",
    // Of the dependencies that the step has, counted round.
    { at_least: 1 },
    { at_least: 2 },
    { at_least: 3 },
  ),
);

const itemsRule = fc.constantFrom<ItemsRule>(
  "all",
  "any",
  { at_least: 1 },
  { at_least: 2 },
  { at_least: 4 },
  { percent: 1 },
  { percent: 34 },
  { percent: 50 },
  { percent: 100 },
);

const fan = fc.record({
  list: fc.nat({ max: LISTS - 1 }),
  atOnce: oneIn(2, fc.integer({ min: 1, max: 3 })),
  rule: oneIn(2, itemsRule),
  items: fc.array(verdicts, { maxLength: MOST_ITEMS }),
});

/** Edges as distances to earlier steps: 0 is the step before. */
const edges = fc.uniqueArray(
  fc.oneof(
    { weight: 3, arbitrary: fc.nat({ max: 2 }) },
    { weight: 1, arbitrary: fc.nat({ max: MOST_STEPS }) },
  ),
  { maxLength: 4 },
);

const condition = fc.record({
  input: fc.nat({ max: CONDITIONS - 1 }),
  /** Asks for a step's status instead, where the step has one to ask for. */
  status: oneIn(3, fc.constantFrom("success", "dead", "skipped")),
});

const step = fc.record({
  edges,
  join,
  condition: oneIn(3, condition),
  elseOf: oneIn(3, fc.nat({ max: 2 })),
  attempts: fc.integer({ min: 1, max: 3 }),
  verdicts,
  fan: oneIn(4, fan),
  isTolerated: oneIn(5, fc.constant(true)),
  undo: oneIn(4, fc.record({ attempts: fc.integer({ min: 1, max: 2 }), verdicts })),
});

const cancelAt = fc.oneof(
  { weight: 3, arbitrary: fc.nat({ max: 25 }) },
  { weight: 1, arbitrary: fc.constant("undo" as const) },
);

/** What becomes of a step of the engine itself, which calls nobody. */
const deaths = fc.oneof(
  { withCrossShrink: true },
  { weight: 18, arbitrary: fc.constant<Verdict[]>([]) },
  { weight: 2, arbitrary: fc.constant<Verdict[]>(["lost"]) },
  { weight: 1, arbitrary: fc.constant(Array<Verdict>(DEFAULT_ATTEMPTS).fill("lost")) },
);

export const drafts = fc.record({
  steps: listOf(step, 1, MOST_STEPS),
  handlers: listOf(step, 0, MOST_HANDLERS),
  conditions: exactly(CONDITIONS, fc.boolean()),
  lists: exactly(LISTS, fc.array(fc.nat({ max: 9 }), { maxLength: MOST_ITEMS })),
  /** What `trigger.if` comes to; null: there is none. */
  gate: oneIn(10, fc.boolean()),
  picks: fc.array(fc.nat({ max: 20 }), { maxLength: 12 }),
  batches: fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 6 }),
  isEager: fc.array(fc.constantFrom(true, false), { maxLength: 6 }),
  cancelAt: oneIn(5, cancelAt),
  start: deaths,
  failure: deaths,
});

export type StepDraft = typeof step extends fc.Arbitrary<infer T> ? T : never;
export type Draft = typeof drafts extends fc.Arbitrary<infer T> ? T : never;
