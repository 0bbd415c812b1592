// The CEL package: its parser, its static types and its arithmetic of time. The only module that
// knows it.
//
// Its evaluator is not used, for three reasons, measured on version 8.0.0. It cannot be bounded:
// `l.exists(x, l.exists(y, y.k == 1))` over 1,000 items without `k` takes 8 s, `contains` with a
// long text up to 139 s, and `exists`, `||` and `&&` swallow whatever a guard throws inside of them.
// A JSON object with a key `constructor` cannot be read. A map that is made by an expression loses
// that key without a word. `compile.ts` walks the package's syntax tree instead, and
// compile_test.ts holds it to the package's results.
import { type ASTNode, Environment, ParseError, type TypeCheckResult } from "@marcbachmann/cel-js";
import { Failure } from "./failure.ts";
import { MAX_DEPTH, MAX_EXPRESSION_CHARS, MAX_NODES } from "./limits.ts";
import type { Work } from "./work.ts";

export type Node = ASTNode;

/** Where an expression is wrong, in characters from its start, and what to do about it. */
export interface ExpressionFault {
  offset: number;
  message: string;
  /** Names that may have been meant. */
  near?: string[];
}

/** Top-level names besides `steps`. */
export const VARIABLES = ["inputs", "event", "run", "item", "index"] as const;

/** The names of a webhook's source, which knows none of the others. */
export const HOOK_VARIABLES = ["body", "headers", "source"] as const;

const TIMESTAMP = "google.protobuf.Timestamp";
const DURATION = "google.protobuf.Duration";

/** A time function may format a date, which takes about 160 µs. */
const WORK_OF_TIME = 300;
const WORK_OF_ZONE = 8_000;

const environment = createEnvironment();
const timeEnvironment = new Environment({ unlistedVariablesAreDyn: true });
const timeFunctions = new Map<string, ReturnType<Environment["parse"]>>();

function createEnvironment(): Environment {
  const created = new Environment({
    enableOptionalTypes: true,
    homogeneousAggregateLiterals: false,
    limits: { maxAstNodes: MAX_NODES, maxDepth: MAX_DEPTH },
  });
  for (const name of [...VARIABLES, ...HOOK_VARIABLES, "steps"]) {
    created.registerVariable(name, "dyn");
  }
  // Of these only the types count: JSON's numbers are doubles, and literals are integers.
  const toDouble = (): number => NaN;
  const toBool = (): boolean => false;
  for (const operator of ["+", "-", "*", "/", "%"]) {
    created.registerOperator(`double ${operator} int: double`, toDouble);
    created.registerOperator(`int ${operator} double: double`, toDouble);
  }
  created.registerOperator("double % double: double", toDouble);
  created.registerOperator("int == double", toBool);
  created.registerFunction(`string(${TIMESTAMP}): string`, () => "");
  created.registerFunction(`string(${DURATION}): string`, () => "");
  return created;
}

/** A syntax tree, whose types are checked on demand, or the one fault that keeps the text from being one. */
export type Syntax =
  | { node: Node; checkTypes: () => string | ExpressionFault; fault?: undefined }
  | { fault: ExpressionFault };

/** Reads an expression; takes no part of it to be known or allowed yet. */
export function parseSyntax(source: string): Syntax {
  if (source.trim() === "") {
    return { fault: { offset: 0, message: "the expression is empty: write one, or leave it out" } };
  }
  if (source.length > MAX_EXPRESSION_CHARS) {
    const message = `an expression has ${MAX_EXPRESSION_CHARS} characters at most: shorten it`;
    return { fault: { offset: MAX_EXPRESSION_CHARS, message } };
  }
  const braces = source.match(/^\s*\$\{\{/);
  if (braces !== null) {
    const message = "the whole value is an expression here: leave ${{ and }} out";
    return { fault: { offset: braces[0].length - 3, message } };
  }
  try {
    const parsed = environment.parse(source);
    return { node: parsed.ast, checkTypes: () => readType(parsed.check()) };
  } catch (error) {
    return { fault: explainParseError(error) };
  }
}

function explainParseError(error: unknown): ExpressionFault {
  if (!(error instanceof ParseError)) {
    // Runs of `!` and `-` count for no depth in the parser, until its stack is full.
    return { offset: 0, message: "the expression is nested too deeply: make it simpler" };
  }
  const offset = error.range?.start ?? 0;
  if (error.code === "limit_exceeded") {
    const isDepth = error.summary.includes("maxDepth");
    const message = isDepth
      ? `the expression is nested deeper than ${MAX_DEPTH} levels: make it simpler`
      : `the expression has more than ${MAX_NODES} parts: make it simpler`;
    return { offset, message };
  }
  const advice = /: [=&|]$/.test(error.summary) ? ": write ==, && or ||" : "";
  return { offset, message: `no valid expression: ${spellTokens(error.summary)}${advice}` };
}

const TOKENS: Record<string, string> = {
  EOF: "the end",
  LPAREN: "(",
  RPAREN: ")",
  LBRACKET: "[",
  RBRACKET: "]",
  LBRACE: "{",
  RBRACE: "}",
  DOT: ".",
  COMMA: ",",
  COLON: ":",
  QUESTION: "?",
  IDENTIFIER: "a name",
  IN: "in",
};

/** `Expected RPAREN, got EOF` → `expected ), got the end`. */
function spellTokens(summary: string): string {
  const spelled = summary.replace(/\b[A-Z]{3,}\b/g, (token) => TOKENS[token] ?? token);
  return spelled.charAt(0).toLowerCase() + spelled.slice(1);
}

/** The type's name, such as `bool` or `list<string>`, or why there is none. */
function readType({ valid, type, error }: TypeCheckResult): string | ExpressionFault {
  if (valid) return type ?? "dyn";
  const summary = (error?.summary ?? "the types do not fit").replace(/dyn<(\w+)>/g, "$1");
  const message = summary.charAt(0).toLowerCase() + summary.slice(1);
  const offset = error?.range?.start ?? 0;
  return { offset, message: message + adviseType(error?.code, summary) };
}

function adviseType(code: string | undefined, summary: string): string {
  if (code === "incompatible_ternary_branches") return ": wrap one of them in dyn(…)";
  if (code === "invalid_macro_argument" && summary.startsWith("has(")) {
    return ": has takes names with dots, has(inputs.x); else write inputs.?x.hasValue()";
  }
  if (summary.includes("optional")) return ": write .orValue(…) behind the optional";
  if (/string \+ |\+ string/.test(summary)) return ": write string(…)";
  return "";
}

/**
 * Lets the package work on times and spans: `computeTime("a.getHours(b)", [time, "UTC"], …)`; the
 * operands are named a and b. `complaint` is the message if it cannot: the package's own would tell
 * the text that is no time.
 */
export function computeTime(
  text: string,
  operands: readonly unknown[],
  work: Work,
  complaint: string,
): unknown {
  work.spend(text.endsWith("(b)") ? WORK_OF_ZONE : WORK_OF_TIME);
  let compute = timeFunctions.get(text);
  if (compute === undefined) timeFunctions.set(text, compute = timeEnvironment.parse(text));
  try {
    const result: unknown = compute({ a: operands[0], b: operands[1] });
    if (!(result instanceof Date) || !Number.isNaN(result.getTime())) return result;
  } catch {
    // An unknown zone is no error of the package but the runtime's RangeError: all are complaints.
  }
  throw new Failure(complaint);
}
