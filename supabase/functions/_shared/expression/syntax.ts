// What an expression may consist of, told from its syntax tree: known functions, JSON's literals,
// macros at most two deep. Both publish and evaluation ask, so that an expression which was never
// checked is no way around.
import { findNearNames } from "../workflow/near.ts";
import { type ExpressionFault, type Node, parseSyntax, type Syntax } from "./cel.ts";
import { FUNCTIONS, LIST_MACROS, METHODS, NAMESPACES, OPTIONAL_MACROS } from "./functions.ts";
import { MAX_MACRO_DEPTH } from "./limits.ts";

type NodeOf<Op extends Node["op"]> = Extract<Node, { op: Op }>;

/** A macro that names a value for its bodies: `list.map(x, …)`, `cel.bind(x, value, …)`. */
export interface Macro {
  name: string;
  /** The list, or the value that is bound. */
  source: Node;
  variable: string;
  /** What sees the variable. */
  bodies: Node[];
}

/** Reads an expression and holds it to the guards; says every fault that it finds. */
export function readSyntax(
  source: string,
): Exclude<Syntax, { fault: ExpressionFault }> | { faults: ExpressionFault[] } {
  const syntax = parseSyntax(source);
  if (syntax.fault !== undefined) return { faults: [syntax.fault] };
  const faults: ExpressionFault[] = [];
  guard(syntax.node, 0, faults);
  return faults.length === 0 ? syntax : { faults };
}

function guard(node: Node, macroDepth: number, faults: ExpressionFault[]): void {
  const fault = findFault(node);
  if (fault !== null) faults.push({ offset: locateName(node), ...fault });
  const macro = readListMacro(node);
  if (macro === null) {
    for (const child of listChildren(node)) guard(child, macroDepth, faults);
    return;
  }
  if (macroDepth === MAX_MACRO_DEPTH) {
    const message = `${macro.name} stands inside of ${MAX_MACRO_DEPTH} macros: one may stand ` +
      "inside another, no deeper";
    faults.push({ offset: locateName(node), message });
    return;
  }
  guard(macro.source, macroDepth, faults);
  for (const body of macro.bodies) guard(body, macroDepth + 1, faults);
}

/** A method's node begins with its receiver; its name is what a fault is about. */
function locateName(node: Node): number {
  return node.op === "rcall" ? node.input.indexOf(node.args[0], node.args[1].end) : node.pos;
}

function findFault(node: Node): Omit<ExpressionFault, "offset"> | null {
  if (node.op === "value") return judgeLiteral(node);
  if (node.op === "call") return judgeCall(node.args[0], node.args[1].length, null);
  if (node.op === "rcall") return judgeCall(node.args[0], node.args[2].length, node.args[1]);
  return null;
}

function judgeLiteral({ args: value }: NodeOf<"value">): Omit<ExpressionFault, "offset"> | null {
  if (typeof value !== "object" || value === null) return null;
  return value instanceof Uint8Array
    ? { message: "bytes are no JSON value: write a string" }
    : { message: "unsigned integers are no JSON value: write the number without u" };
}

function judgeCall(
  name: string,
  count: number,
  receiver: Node | null,
): Omit<ExpressionFault, "offset"> | null {
  if (name === "matches") {
    const message = "matches is not available, a regular expression may run for minutes: write " +
      "contains, startsWith or endsWith";
    return { message };
  }
  const known = receiver === null ? listFunctions() : listMethods(receiver);
  const arity = known.get(name);
  if (arity === undefined) {
    const near = findNearNames(name, known.keys());
    return { message: `unknown function ${quoteName(name)}`, ...near.length > 0 && { near } };
  }
  if (arity.includes(count)) return null;
  const wanted = `${arity.join(" or ")} argument${arity.join() === "1" ? "" : "s"}`;
  return { message: `${name} takes ${wanted}, got ${count}` };
}

/** A name as it can stand in a message: in quotes, cut short. */
export function quoteName(name: string): string {
  return JSON.stringify(name.length > 64 ? `${name.slice(0, 61)}...` : name);
}

function listFunctions(): Map<string, readonly number[]> {
  return new Map([["has", [1]], ...readArities(FUNCTIONS)]);
}

function listMethods(receiver: Node): ReadonlyMap<string, readonly number[]> {
  const namespace = receiver.op === "id" ? NAMESPACES.get(receiver.args) : undefined;
  return namespace ?? new Map([...LIST_MACROS, ...OPTIONAL_MACROS, ...readArities(METHODS)]);
}

function readArities(
  callables: ReadonlyMap<string, { arity: readonly number[] }>,
): [string, readonly number[]][] {
  return [...callables].map(([name, { arity }]) => [name, arity]);
}

/** `list.all(x, …)` and its kin; null for anything else. */
export function readListMacro(node: Node): Macro | null {
  if (node.op !== "rcall") return null;
  const [name, source, [variable, ...bodies]] = node.args;
  if (!LIST_MACROS.get(name)?.includes(bodies.length + 1) || variable.op !== "id") return null;
  return { name, source, variable: variable.args, bodies };
}

/** `cel.bind(x, value, …)`; null for anything else. */
export function readBinding(node: Node): Macro | null {
  if (node.op !== "rcall" || readNamespace(node) !== "cel") return null;
  const [name, , [variable, source, ...bodies]] = node.args;
  if (bodies.length !== 1 || variable.op !== "id") return null;
  return { name, source, variable: variable.args, bodies };
}

/** The namespace whose function a node calls, `cel` or `optional`. */
export function readNamespace(node: NodeOf<"rcall">): string | null {
  const [name, receiver] = node.args;
  if (receiver.op !== "id") return null;
  return NAMESPACES.get(receiver.args)?.has(name) ? receiver.args : null;
}

/** The expressions that a node is made of, in the order of the text. */
export function listChildren(node: Node): Node[] {
  switch (node.op) {
    case "value":
    case "id":
      return [];
    case ".":
    case ".?":
      return [node.args[0]];
    case "call":
      return node.args[1];
    case "rcall":
      return [node.args[1], ...node.args[2]];
    case "list":
      return node.args;
    case "map":
      return node.args.flat();
    case "!_":
    case "-_":
      return [node.args];
    default:
      return node.args;
  }
}
