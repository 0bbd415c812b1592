// The expressions of a file: each is read once, and may name only what its place knows. Tells for each
// step which others its expressions name.
import {
  checkExpression,
  checkTemplate,
  type ExpressionFault,
  type ExpressionNames,
} from "../expression/check.ts";
import {
  CANDIDATE_MEMBERS,
  checkMembers,
  checkTextMembers,
  type Members,
  readInputMembers,
  RUN_MEMBERS,
} from "./check_members.ts";
import type { StepGraph } from "./check_graph.ts";
import { type Findings, readMember } from "./findings.ts";
import type { LooseStep } from "./loose_steps.ts";
import type { Path } from "./parse.ts";
import { writePath } from "./problems.ts";
import type { StepUses } from "./step_uses.ts";

const STEP_VARIABLES = ["inputs", "event", "run"];
const ITEM_VARIABLES = [...STEP_VARIABLES, "item", "index"];

/**
 * Which steps an expression may name. Lists of thousands of names are made only for the message, once
 * a name was refused.
 */
export interface Sight {
  /** Every name of the file. */
  allSteps: readonly string[];
  canSee(name: string): boolean;
}

/** For places that see no steps at all. */
const BLIND: Sight = { allSteps: [], canSee: () => false };

/** A step sees what it depends on, and `more`; where there are cycles it is not judged. */
export function seeDependencies(
  { closure, indexOfId }: StepGraph,
  index: number,
  allSteps: readonly string[],
  more?: ReadonlyMap<string, number>,
): Sight {
  const canSee = (name: string) => {
    const other = indexOfId.get(name);
    if (other === undefined) return more?.has(name) ?? false;
    return closure === null || closure.has(index, other);
  };
  return { allSteps, canSee };
}

/** The expressions of trigger and concurrency, which are evaluated before any step. */
export function checkStartExpressions(reader: ExpressionReader): void {
  const { value } = reader.findings.parsed;
  const trigger = readMember(value, "trigger");
  const concurrency = readMember(value, "concurrency");
  const event = { variables: ["event"], sight: BLIND };
  reader.readText(["trigger", "if"], readMember(trigger, "if"), { ...event, wanted: "bool" });
  reader.readValue(["trigger", "inputs"], readMember(trigger, "inputs"), event);
  reader.readText(["concurrency", "key"], readMember(concurrency, "key"), {
    variables: ["inputs", "event"],
    sight: BLIND,
  });
}

/** The expressions of one step. */
export function checkStepExpressions(
  step: LooseStep,
  sight: Sight,
  reader: ExpressionReader,
): StepUses {
  const { keys, path } = step;
  const at = (...rest: string[]) => [...path, ...rest];
  const place = { variables: STEP_VARIABLES, sight };
  const condition = reader.readText(at("if"), keys.if, { ...place, wanted: "bool" });
  const list = reader.readText(at("for_each"), keys.for_each, { ...place, wanted: "list" });
  const match = reader.readText(at("wait", "match"), readMember(keys.wait, "match"), {
    ...place,
    wanted: "bool",
    members: CANDIDATE_MEMBERS,
  });
  const values = reader.readValue(at("with"), keys.with, {
    variables: keys.for_each === undefined ? STEP_VARIABLES : ITEM_VARIABLES,
    sight,
  });
  const undone = reader.readValue(at("compensate", "with"), readMember(keys.compensate, "with"), {
    variables: STEP_VARIABLES,
    sight: {
      allSteps: sight.allSteps,
      canSee: (name) => name === step.id || sight.canSee(name),
    },
  });
  return {
    condition: condition.reads,
    values: [...new Set([...list.reads, ...match.reads, ...values.reads])],
    compensate: undone.reads,
    hasExpressions: [condition, list, match, values].some((it) => it.hasExpressions),
    compensateHasExpressions: undone.hasExpressions,
  };
}

interface Place {
  variables: readonly string[];
  sight: Sight;
  /** What event and run hold here. */
  members?: Members;
}

interface BarePlace extends Place {
  wanted?: "bool" | "list";
}

type PlacedFault = ExpressionFault & { path: (string | number)[] };

type Check = (names: ExpressionNames) => { reads: string[]; faults: PlacedFault[] };

interface Read {
  reads: readonly string[];
  hasExpressions: boolean;
}

const NOTHING: Read = { reads: [], hasExpressions: false };

/** Reads the expressions of one file. */
export class ExpressionReader {
  readonly findings: Findings;
  readonly #inputs: Members;

  constructor(findings: Findings) {
    this.findings = findings;
    this.#inputs = readInputMembers(readMember(findings.parsed.value, "inputs"));
  }

  /** A bare expression; an empty one is the shape's finding. */
  readText(path: Path, source: unknown, { wanted, ...place }: BarePlace): Read {
    if (typeof source !== "string" || source === "") return NOTHING;
    const reads = this.#read(path, source, place, (names) => {
      const { reads, faults } = checkExpression(source, names, wanted);
      return { reads, faults: faults.map((fault) => ({ ...fault, path: [] })) };
    }, (members) => {
      for (const fault of checkMembers(source, members)) this.#note(path, fault);
    });
    return { reads, hasExpressions: true };
  }

  /** A value with `${{ }}` in its texts. */
  readValue(path: Path, value: unknown, place: Place): Read {
    if (value === undefined) return NOTHING;
    let hasExpressions = false;
    const reads = this.#read(path, JSON.stringify(value), place, (names) => {
      const checked = checkTemplate(value, names);
      hasExpressions = checked.hasExpressions;
      return checked;
    }, (members) => {
      if (hasExpressions) this.#checkMembersOf(path, value, members);
    });
    return { reads, hasExpressions };
  }

  /**
   * Of thousands of steps only those are handed on whose names occur in the text, and all of them only
   * where something is wrong, for the message.
   */
  #read(
    path: Path,
    text: string,
    { variables, sight, members = RUN_MEMBERS }: Place,
    check: Check,
    checkMembers: (members: Members) => void,
  ): string[] {
    const { allSteps, canSee } = sight;
    const named = listWords(text).filter(canSee);
    let { reads, faults } = check({ steps: named, allSteps, variables });
    if (!this.findings.isFull) {
      checkMembers({ ...members, ...this.#inputs });
      if (faults.length > 0) {
        ({ reads, faults } = check({ steps: allSteps.filter(canSee), allSteps, variables }));
      }
    }
    for (const fault of faults) this.#note([...path, ...fault.path], fault);
    return reads;
  }

  #checkMembersOf(path: Path, value: unknown, members: Members): void {
    if (typeof value === "string") {
      for (const fault of checkTextMembers(value, members)) this.#note(path, fault);
    } else if (typeof value === "object" && value !== null) {
      for (const [key, item] of Object.entries(value)) {
        this.#checkMembersOf([...path, Array.isArray(value) ? Number(key) : key], item, members);
      }
    }
  }

  #note(path: Path, { offset, message, near }: ExpressionFault): void {
    this.findings.note(path, `${writePath(path)}: ${message}`, {
      at: offset,
      findNear: () => near ?? [],
    });
  }
}

/** Whatever could be a step's name: hyphens belong to some names and stand between others. */
function listWords(text: string): string[] {
  const words = new Set<string>();
  for (const [word] of text.matchAll(/[\w-]+/g)) {
    words.add(word);
    if (word.includes("-")) { for (const part of word.split("-")) words.add(part); }
  }
  return [...words];
}
