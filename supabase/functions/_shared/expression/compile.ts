// Makes a function of a syntax tree: CEL's rules of evaluation, for JSON, with every loop paid for.
// Done once a text; worker and publish come with the same texts again and again.
import { HOOK_VARIABLES, type Node, VARIABLES } from "./cel.ts";
import { Failure } from "./failure.ts";
import { FUNCTIONS, METHODS } from "./functions.ts";
import {
  attempt,
  type Body,
  chooseLoop,
  type Frame,
  needBool,
  readItems,
  type Run,
} from "./loops.ts";
import { BINARY_OPERATORS, negate } from "./operators.ts";
import { listChildren, type Macro, readBinding, readListMacro, readNamespace } from "./syntax.ts";
import {
  describeKind,
  findOptionalMember,
  needOptional,
  Optional,
  readMember,
  TYPES,
} from "./values.ts";

/**
 * Compiles a guarded syntax tree. The function throws Failure, and keeps nothing between two calls.
 */
export function compile(node: Node): Run {
  const run = compileNode(node, []);
  const weight = weigh(node);
  return (frame) => {
    frame.work.spend(weight);
    return run(frame);
  };
}

/** Nodes of a tree: what running it once costs, apart from its loops. */
function weigh(node: Node): number {
  return listChildren(node).reduce((weight, child) => weight + weigh(child), 1);
}

function compileNode(node: Node, locals: readonly string[]): Run {
  const compileChild = (child: Node) => compileNode(child, locals);
  switch (node.op) {
    case "value": {
      const value = node.args;
      return () => value;
    }
    case "id":
      return compileName(node.args, locals);
    case ".":
    case ".?": {
      const [owner, key] = [compileChild(node.args[0]), node.args[1]];
      const read = node.op === "." ? readMember : findOptionalMember;
      return (frame) => read(owner(frame), key);
    }
    case "[]":
    case "[?]": {
      const [owner, key] = node.args.map(compileChild);
      const read = node.op === "[]" ? readMember : findOptionalMember;
      return (frame) => read(owner(frame), key(frame));
    }
    case "list": {
      const items = node.args.map(compileChild);
      return (frame) => {
        frame.work.spend(2 * items.length);
        return items.map((item) => item(frame));
      };
    }
    case "map":
      return compileMap(node.args.map(([key, value]) => [compileChild(key), compileChild(value)]));
    case "?:": {
      const [condition, yes, no] = node.args.map(compileChild);
      return (frame) => needBool(condition(frame), "the condition of ?:") ? yes(frame) : no(frame);
    }
    case "&&":
    case "||":
      return compileLogical(node.op, compileChild(node.args[0]), compileChild(node.args[1]));
    case "!_": {
      const operand = compileChild(node.args);
      return (frame) => !needBool(operand(frame), "!");
    }
    case "-_": {
      const operand = compileChild(node.args);
      return (frame) => negate(operand(frame));
    }
    case "call":
      return compileCall(node.args[0], node.args[1], locals);
    case "rcall":
      return compileMethod(node, locals);
    default: {
      const operate = BINARY_OPERATORS.get(node.op)!;
      const [left, right] = node.args.map(compileChild);
      return (frame) => operate(left(frame), right(frame), frame.work);
    }
  }
}

function compileName(name: string, locals: readonly string[]): Run {
  const slot = locals.lastIndexOf(name);
  if (slot !== -1) return (frame) => frame.locals[slot];
  const isKnown = name === "steps" ||
    [...VARIABLES, ...HOOK_VARIABLES].some((variable) => variable === name);
  const type = TYPES.get(name);
  if (!isKnown && type !== undefined) return () => type;
  return (frame) => {
    const value = isKnown ? frame.names[name] : undefined;
    if (value === undefined) throw new Failure(`unknown name: ${name} is not given here`);
    return value;
  };
}

/** Making an entry of a map takes up to 200 ns. */
const WORK_OF_ENTRY = 12;

function compileMap(entries: [Run, Run][]): Run {
  return (frame) => {
    frame.work.spend(entries.length * WORK_OF_ENTRY);
    const made: Record<string, unknown> = {};
    for (const [runKey, runValue] of entries) {
      const key = runKey(frame);
      if (typeof key !== "string") {
        throw new Failure(`keys of a map are strings, got ${describeKind(key)}`);
      }
      if (Object.hasOwn(made, key)) throw new Failure(`a map has the key ${key} twice`);
      defineEntry(made, key, runValue(frame));
    }
    return made;
  };
}

/** Setting `__proto__` would change what the map inherits. */
function defineEntry(map: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== "__proto__") map[key] = value;
  else {
    const own = { value, enumerable: true, configurable: true, writable: true };
    Object.defineProperty(map, key, own);
  }
}

/** CEL's rule: one side decides even if the other one fails. */
function compileLogical(operator: "&&" | "||", left: Run, right: Run): Run {
  const decisive = operator === "||";
  return (frame) => {
    const first = attempt(left, frame);
    if (first === decisive) return decisive;
    const second = right(frame);
    if (second === decisive) return decisive;
    needBool(second, operator);
    if (first instanceof Failure) throw first;
    return needBool(first, operator);
  };
}

function compileCall(name: string, args: readonly Node[], locals: readonly string[]): Run {
  if (name === "has") return compileHas(args[0], locals);
  const { call } = FUNCTIONS.get(name)!;
  const values = args.map((arg) => compileNode(arg, locals));
  return (frame) => call(values.map((value) => value(frame)), frame.work);
}

function compileHas(node: Node, locals: readonly string[]): Run {
  if (node.op !== "." && node.op !== ".?") {
    throw new Failure("has takes names with dots: has(inputs.x)");
  }
  const [owner, key] = [compileNode(node.args[0], locals), node.args[1]];
  return (frame) => findOptionalMember(owner(frame), key).isPresent;
}

function compileMethod(node: Extract<Node, { op: "rcall" }>, locals: readonly string[]): Run {
  const [name, receiver, args] = node.args;
  const binding = readBinding(node);
  if (binding !== null) return compileBinding(binding, locals);
  const macro = readListMacro(node);
  if (macro !== null) return compileMacro(macro, locals);
  const values = args.map((arg) => compileNode(arg, locals));
  if (readNamespace(node) === "optional") {
    return (frame) => values.length === 0 ? Optional.NONE : new Optional(values[0](frame));
  }
  const owner = compileNode(receiver, locals);
  if (name === "or" || name === "orValue") return compileAlternative(name, owner, values[0]);
  const { call } = METHODS.get(name)!;
  return (frame) => call([owner(frame), ...values.map((value) => value(frame))], frame.work);
}

function compileAlternative(name: "or" | "orValue", owner: Run, other: Run): Run {
  return (frame) => {
    const optional = needOptional(owner(frame), name);
    if (name === "orValue") return optional.isPresent ? optional.value : other(frame);
    return optional.isPresent ? optional : needOptional(other(frame), name);
  };
}

function compileBinding({ source, variable, bodies }: Macro, locals: readonly string[]): Run {
  const value = compileNode(source, locals);
  const body = compileNode(bodies[0], [...locals, variable]);
  const slot = locals.length;
  return (frame) => {
    frame.locals[slot] = value(frame);
    return body(frame);
  };
}

function compileMacro({ name, source, variable, bodies }: Macro, locals: readonly string[]): Run {
  const list = compileNode(source, locals);
  const [body, transform] = bodies.map((node): Body => {
    const weight = 1 + weigh(node);
    const enter = (item: unknown, frame: Frame) => {
      frame.work.spend(weight);
      frame.locals[locals.length] = item;
    };
    return { enter, run: compileNode(node, [...locals, variable]) };
  });
  const loop = chooseLoop(name, body, transform);
  return (frame) => loop(readItems(list(frame), name, frame.work), frame);
}
