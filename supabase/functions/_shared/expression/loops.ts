// Runs compiled expressions: once, or for each item of a list. What goes round is paid for here.
import { Failure, LimitFailure } from "./failure.ts";
import { refuseLongList } from "./operators.ts";
import { describeKind, isMap } from "./values.ts";
import type { Work } from "./work.ts";

/** What one evaluation works with. */
export interface Frame {
  /** Values of top-level names; an absent one fails where it is used. */
  names: Readonly<Record<string, unknown>>;
  /** Values of macros' variables, outermost first. */
  locals: unknown[];
  work: Work;
}

export type Run = (frame: Frame) => unknown;

/** What a failure costs that `&&`, `||`, `all` or `exists` swallow. */
const WORK_OF_SWALLOWING = 150;

/** The value, or the failure as a value; limits are not caught. */
export function attempt(run: Run, frame: Frame): unknown {
  try {
    return run(frame);
  } catch (error) {
    if (!(error instanceof Failure) || error instanceof LimitFailure) throw error;
    frame.work.spend(WORK_OF_SWALLOWING);
    return error;
  }
}

export function needBool(value: unknown, what: string): boolean {
  if (typeof value === "boolean") return value;
  throw new Failure(`${what} needs true or false, got ${describeKind(value)}`);
}

/** An expression that runs once an item. */
export interface Body {
  /** Pays for one run, and names the item. */
  enter: (item: unknown, frame: Frame) => void;
  run: Run;
}

/** The items of a list, or the keys of a map. */
export function readItems(value: unknown, name: string, work: Work): unknown[] {
  const items = isMap(value) ? Object.keys(value) : value;
  if (!Array.isArray(items)) {
    throw new Failure(`${name} needs a list or a map, got ${describeKind(value)}`);
  }
  if (items !== value) work.spendKeys(items.length);
  refuseLongList(items.length);
  return items;
}

export type Loop = (items: unknown[], frame: Frame) => unknown;

export function chooseLoop(name: string, body: Body, transform: Body | undefined): Loop {
  const change = ({ enter, run }: Body, item: unknown, frame: Frame) => {
    enter(item, frame);
    return run(frame);
  };
  const isWanted = (item: unknown, frame: Frame) => needBool(change(body, item, frame), name);
  switch (name) {
    case "all":
    case "exists":
      return (items, frame) => quantify(name, items, body, frame);
    case "exists_one":
      return (items, frame) => items.filter((item) => isWanted(item, frame)).length === 1;
    case "filter":
      return (items, frame) => items.filter((item) => isWanted(item, frame));
  }
  if (transform === undefined) {
    return (items, frame) => items.map((item) => change(body, item, frame));
  }
  return (items, frame) =>
    items.filter((item) => isWanted(item, frame)).map((item) => change(transform, item, frame));
}

/** As with `||` and `&&`: one item can decide even if others fail. */
function quantify(name: string, items: unknown[], body: Body, frame: Frame): boolean {
  const decisive = name === "exists";
  let undecided: unknown = !decisive;
  for (const item of items) {
    body.enter(item, frame);
    const result = attempt(body.run, frame);
    if (result === decisive) return decisive;
    // The first item that gave no answer is the one to tell of.
    if (typeof result !== "boolean" && typeof undecided === "boolean") undecided = result;
  }
  if (undecided instanceof Failure) throw undecided;
  return needBool(undecided, name);
}
