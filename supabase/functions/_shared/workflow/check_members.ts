// Names behind a dot that cannot be there: `event.typ`, or an input that the schema does not have. At
// run time they would end the step with an expression that fails.
import { type ExpressionFault, type Node, parseSyntax } from "../expression/cel.ts";
import { listChildren, readBinding, readListMacro } from "../expression/syntax.ts";
import { readTemplate } from "../expression/template.ts";
import { asMap } from "./findings.ts";
import { findNearNames } from "./near.ts";
import { quoteValue } from "./problems.ts";

/** What the names of an expression hold; a name that is left out may hold anything. */
export type Members = Readonly<Record<string, readonly string[]>>;

/** As the database hands them to expressions (`RunScope`). */
export const RUN_MEMBERS: Members = {
  event: ["type", "id", "payload", "user_id", "intent_id", "created_at"],
  run: ["id", "workflow_key", "user_id", "intent_id", "failed_steps"],
};

/** In `wait.match` the event is the candidate (`Parked`). */
export const CANDIDATE_MEMBERS: Members = {
  ...RUN_MEMBERS,
  event: ["type", "id", "payload", "user_id"],
};

/** The inputs that the schema knows; more are allowed only where it says so. */
export function readInputMembers(schema: unknown): Members {
  const map = asMap(schema);
  const properties = asMap(map?.properties);
  const more = map?.additionalProperties;
  if (map === null || properties === null || (more !== undefined && more !== false)) return {};
  return { inputs: Object.keys(properties) };
}

/** The wrong names of a bare expression that has no other fault. */
export function checkMembers(source: string, members: Members): ExpressionFault[] {
  const syntax = parseSyntax(source);
  const faults: ExpressionFault[] = [];
  if (syntax.fault === undefined) walk(syntax.node, [], members, faults);
  return faults;
}

/** The same for the expressions of one text; offsets count from its start. */
export function checkTextMembers(text: string, members: Members): ExpressionFault[] {
  const template = readTemplate(text);
  if (template.fault !== undefined) return [];
  return template.segments.flatMap((segment) =>
    typeof segment === "string" ? [] : checkMembers(segment.source, members).map((fault) => ({
      ...fault,
      offset: segment.offset + fault.offset,
    }))
  );
}

function walk(
  node: Node,
  locals: readonly string[],
  members: Members,
  faults: ExpressionFault[],
): void {
  // `has(inputs.x)` asks whether it is there.
  if (node.op === "call" && node.args[0] === "has") return;
  const macro = readListMacro(node) ?? readBinding(node);
  if (macro !== null) {
    walk(macro.source, locals, members, faults);
    for (const body of macro.bodies) walk(body, [...locals, macro.variable], members, faults);
    return;
  }
  if (node.op === "." && node.args[0].op === "id") {
    judge(node.args[0].args, node.args[1], { offset: node.pos, locals, members, faults });
  }
  if (node.op === "[]" && node.args[0].op === "id" && node.args[1].op === "value") {
    const key = node.args[1].args;
    if (typeof key === "string") {
      judge(node.args[0].args, key, { offset: node.args[1].pos, locals, members, faults });
    }
  }
  for (const child of listChildren(node)) walk(child, locals, members, faults);
}

function judge(
  variable: string,
  name: string,
  { offset, locals, members, faults }: {
    offset: number;
    locals: readonly string[];
    members: Members;
    faults: ExpressionFault[];
  },
): void {
  if (locals.includes(variable) || !Object.hasOwn(members, variable)) return;
  const known = members[variable];
  if (known.includes(name)) return;
  const near = findNearNames(name, known);
  const rest = variable === "inputs"
    ? `${quoteValue(name)} is not among the inputs`
    : `${variable} has no ${quoteValue(name)}: it has ${known.join(", ")}`;
  faults.push({ offset, message: rest, ...near.length > 0 ? { near } : {} });
}
