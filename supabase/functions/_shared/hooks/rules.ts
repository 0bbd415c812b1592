// A source's expressions over `body`, `headers` and `source`: checked when it is saved, evaluated for each
// delivery. One that has no value refuses the delivery: its sender shows that and can send it again, while
// an event that nobody's workflow waits for would use up its id.
import { OrchestratorError, type Problem } from "../contract/errors.ts";
import type { HookRules } from "../contract/hooks.ts";
import { HOOK_VARIABLES } from "../expression/cel.ts";
import { checkExpression, checkTemplate, type ExpressionFault } from "../expression/check.ts";
import { evaluateCondition, evaluateTemplate, ExpressionError } from "../expression/evaluate.ts";
import type { HookContents } from "./contents.ts";

const NAMES = { steps: [], allSteps: [], variables: HOOK_VARIABLES };

/** Most characters of an event's type and user. */
const MAX_TEXT_CHARS = 200;

/** What is wrong with a source's expressions, each with its field. */
export function listRuleProblems({ event_type, filter, user_id }: HookRules): Problem[] {
  const name = (path: string) => (fault: ExpressionFault): Problem => ({
    path,
    message: `${fault.message} (at character ${fault.offset + 1})`,
    ...fault.near === undefined ? {} : { near: fault.near },
  });
  return [
    ...checkTemplate(event_type, NAMES).faults.map(name("event_type")),
    ...filter === null ? [] : checkExpression(filter, NAMES, "bool").faults.map(name("filter")),
    ...checkTemplate(user_id, NAMES).faults.map(name("user_id")),
  ];
}

/** The event that a delivery becomes, or null if it is filtered out; throws `unprocessable`. */
export function applyRules(
  rules: HookRules,
  contents: HookContents,
): { type: string; userId: string } | null {
  const { filter } = rules;
  if (filter !== null && !evaluate("filter", () => evaluateCondition(filter, contents))) {
    return null;
  }
  const read = (field: "event_type" | "user_id") =>
    readName(field, evaluate(field, () => evaluateTemplate(rules[field], contents)));
  return { type: read("event_type"), userId: read("user_id") };
}

function evaluate<T>(field: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof ExpressionError) throw refuse(field, error.message);
    throw error;
  }
}

/** Users and types are texts; the number of a sender's account is one too. */
function readName(field: string, value: unknown): string {
  const text = typeof value === "number" ? String(value) : value;
  if (typeof text === "string" && text !== "" && text.length <= MAX_TEXT_CHARS) return text;
  const got = typeof text === "string" ? `${text.length} characters` : JSON.stringify(text) ?? "";
  throw refuse(
    field,
    `it must be a text of 1 to ${MAX_TEXT_CHARS} characters, got ${got.slice(0, 100)}`,
  );
}

function refuse(field: string, message: string): OrchestratorError {
  return new OrchestratorError("unprocessable", `reading the delivery: ${field}: ${message}`, {
    problems: [{ path: field, message }],
  });
}
