// Reads the expressions of one file, each once, and notes their faults at their words.
import {
  checkExpression,
  checkTemplate,
  type ExpressionFault,
  type ExpressionNames,
} from "../expression/check.ts";
import {
  checkMembers,
  checkTextMembers,
  type Members,
  readInputMembers,
  RUN_MEMBERS,
} from "./check_members.ts";
import { type Findings, readMember } from "./findings.ts";
import type { Path } from "./parse.ts";
import { writePath } from "./problems.ts";

/**
 * Which steps an expression may name. Lists of thousands of names are made only for the message, once
 * a name was refused.
 */
export interface Sight {
  /** Every name of the file. */
  allSteps: readonly string[];
  canSee(name: string): boolean;
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
