// Which names an expression uses, and which of them it may not: at publish all of them are known, so
// a misspelt one need not wait for a run.
import { findNearNames } from "../workflow/near.ts";
import { type ExpressionFault, type Node, VARIABLES } from "./cel.ts";
import { listChildren, quoteName, readBinding, readListMacro, readNamespace } from "./syntax.ts";
import { TYPES } from "./values.ts";

/** The names that a place in a workflow file knows. */
export interface ExpressionNames {
  /** Step names that may be used: the (transitive) dependencies by their names in this file. */
  steps: readonly string[];
  /** All step names of the file, so that "is not a dependency" is told from "does not exist". */
  allSteps: readonly string[];
  /** Top-level names besides steps: "inputs" | "event" | "run" | "item" | "index". */
  variables: readonly string[];
}

const STEP_MEMBERS = ["output", "status"];

type Access = Extract<Node, { op: "." | ".?" | "[]" | "[?]" }>;

/** Checks every name of a syntax tree; `reads` are the dependencies that it names. */
export function checkNames(
  source: string,
  node: Node,
  names: ExpressionNames,
): { reads: string[]; faults: ExpressionFault[] } {
  const checker = new NameChecker(source, names);
  checker.check(node, []);
  return { reads: [...checker.reads], faults: checker.faults };
}

class NameChecker {
  readonly reads = new Set<string>();
  readonly faults: ExpressionFault[] = [];
  readonly #source: string;
  readonly #names: ExpressionNames;
  /** Places whose names are parts of one that was told already. */
  readonly #explained: { start: number; end: number }[] = [];

  constructor(source: string, names: ExpressionNames) {
    this.#source = source;
    this.#names = names;
  }

  /** `locals` are the variables of the macros around a node. */
  check(node: Node, locals: readonly string[]): void {
    if (node.op === "id") return this.#checkName(node, locals);
    if (isAccess(node) && this.#checkAccess(node, locals)) return;
    if (node.op === "call" && node.args[0] === "has" && this.#checkHas(node.args[1][0], locals)) {
      return;
    }
    const macro = readListMacro(node) ?? readBinding(node);
    if (macro !== null) {
      this.check(macro.source, locals);
      for (const body of macro.bodies) this.check(body, [...locals, macro.variable]);
      return;
    }
    const children = node.op === "rcall" && readNamespace(node) !== null
      ? node.args[2]
      : listChildren(node);
    for (const child of children) this.check(child, locals);
  }

  #note(offset: number, message: string, near: string[] = []): void {
    this.faults.push({ offset, message, ...near.length > 0 && { near } });
  }

  #checkName(node: Extract<Node, { op: "id" }>, locals: readonly string[]): void {
    const name = node.args;
    const { variables, allSteps } = this.#names;
    if (locals.includes(name) || variables.includes(name)) return;
    if (this.#explained.some(({ start, end }) => node.pos >= start && node.pos < end)) return;
    if (name === "steps") {
      this.#note(node.pos, "steps cannot be used as a whole: write steps.<id>.output");
      return;
    }
    if (TYPES.has(name)) return;
    const known = [...variables, ...locals, ...(allSteps.length > 0 ? ["steps"] : [])];
    const reason = name === "item" || name === "index"
      ? `${name} is known only in the with of a step with for_each`
      : `unknown name ${quoteName(name)}: the names here are ${known.join(", ") || "none"}`;
    const near = (VARIABLES as readonly string[]).includes(name) ? [] : findNearNames(name, known);
    this.#note(node.pos, `${reason}${this.#adviseHyphen(node.pos)}`, near);
  }

  /** `inputs.my-key` is a subtraction, and its `key` unknown. */
  #adviseHyphen(offset: number): string {
    const before = this.#source.slice(0, offset).match(/\.((?:\w+-)+)$/);
    if (before === null) return "";
    const rest = this.#source.slice(offset).match(/^\w+(?:-\w+)*/)?.[0] ?? "";
    return `; a key with a hyphen is written [${quoteName(before[1] + rest)}]`;
  }

  /** A step's name with hyphens, written as if it were one name: true if that was it. */
  #checkHyphens(node: Access, first: string): boolean {
    const written = this.#source.slice(node.pos).match(/^\w+(?:-\w+)+/)?.[0];
    if (written === undefined || node.op === "[]" || node.op === "[?]") return false;
    const { allSteps } = this.#names;
    const isStep = allSteps.includes(written);
    if (!isStep && allSteps.includes(first)) return false;
    const message = isStep
      ? `steps.${written} is a subtraction: write steps["${written}"]`
      : `unknown step ${quoteName(written)}; a step with a hyphen is written steps["<id>"]`;
    this.#note(node.pos, message, isStep ? [] : findNearNames(written, allSteps));
    this.#explained.push({ start: node.pos, end: node.pos + written.length });
    return true;
  }

  /** Checks `steps.x.output` and what is wrong about it; false if it is no access of a step. */
  #checkAccess(node: Access, locals: readonly string[]): boolean {
    const owner = node.args[0];
    if (isSteps(owner, locals)) {
      const step = this.#checkStep(node, locals);
      if (step !== null) {
        const path = `steps${writeMember(step)}`;
        this.#note(node.pos, `${path} is no value: write ${path}.output or ${path}.status`);
      }
      return true;
    }
    if (!isAccess(owner) || !isSteps(owner.args[0], locals)) return false;
    const step = this.#checkStep(owner, locals);
    const member = readKey(node);
    if (step === null || (member !== null && STEP_MEMBERS.includes(member))) return true;
    const path = `steps${writeMember(step)}`;
    const message = member === null
      ? `${path} has output and status only: name one of them`
      : `${path} has output and status only, not ${quoteName(member)}`;
    this.#note(locateKey(node), message, findNearNames(member ?? "", STEP_MEMBERS));
    return true;
  }

  /** The name of a known step, with a fault if it is no dependency; else null, with a fault. */
  #checkStep(node: Access, locals: readonly string[]): string | null {
    const name = readKey(node);
    const { steps, allSteps } = this.#names;
    if (name === null) {
      const message = 'a step is named as it is, not computed: write steps.<id> or steps["<id>"]';
      this.#note(locateKey(node), message);
      if (node.op === "[]" || node.op === "[?]") this.check(node.args[1], locals);
      return null;
    }
    if (this.#checkHyphens(node, name)) return null;
    if (steps.includes(name)) this.reads.add(name);
    else if (allSteps.includes(name)) {
      const path = `steps${writeMember(name)}`;
      const message = `${path} is not a dependency of this step: add it to depends_on`;
      this.#note(locateKey(node), message);
    } else {
      const message = `unknown step ${quoteName(name)}`;
      this.#note(locateKey(node), message, findNearNames(name, allSteps));
      return null;
    }
    return name;
  }

  /** `has(steps.x)` asks for the step itself; true if it was that. */
  #checkHas(node: Node, locals: readonly string[]): boolean {
    if (!isAccess(node) || !isSteps(node.args[0], locals)) return false;
    this.#checkStep(node, locals);
    return true;
  }
}

function isAccess(node: Node): node is Access {
  return node.op === "." || node.op === ".?" || node.op === "[]" || node.op === "[?]";
}

function isSteps(node: Node, locals: readonly string[]): boolean {
  return node.op === "id" && node.args === "steps" && !locals.includes("steps");
}

/** The key as it is written; null if it is computed or no string. */
function readKey(node: Access): string | null {
  if (node.op === "." || node.op === ".?") return node.args[1];
  const key = node.args[1];
  return key.op === "value" && typeof key.args === "string" ? key.args : null;
}

function locateKey(node: Access): number {
  return node.op === "." || node.op === ".?" ? node.pos : node.args[1].pos;
}

/** `.a`, or `["my-step"]`. */
function writeMember(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? `.${name}` : `[${quoteName(name)}]`;
}
