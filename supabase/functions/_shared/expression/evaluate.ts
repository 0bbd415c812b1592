// Evaluates expressions and values with `${{ }}` over a step's data: the worker's side. Bounded in
// time and size whatever the expression is (limits.ts), and the same data give the same end.
import { BoundedCache } from "./bounded_cache.ts";
import { compile } from "./compile.ts";
import { Failure } from "./failure.ts";
import { toJson } from "./json.ts";
import { MAX_VALUE_DEPTH } from "./limits.ts";
import type { Frame, Run } from "./loops.ts";
import { readSyntax } from "./syntax.ts";
import { hasExpression, readTemplate, type Segment } from "./template.ts";
import { describeKind } from "./values.ts";
import { Work } from "./work.ts";

/** What expressions name; a name that is left out is unknown to them. All of it is JSON. */
export interface ExpressionContext {
  inputs?: unknown;
  event?: unknown;
  run?: unknown;
  item?: unknown;
  index?: number;
  steps?: Readonly<Record<string, { status: string; output: unknown }>>;
  /** These three are a webhook's. */
  body?: unknown;
  headers?: unknown;
  source?: string;
}

/** An evaluation has no value; the message says of which expression, why, and names what lacks. */
export class ExpressionError extends Error {
  override readonly name = "ExpressionError";
  readonly expression: string;

  constructor(expression: string, reason: string, options?: ErrorOptions) {
    super(
      `evaluating ${shorten(expression, MAX_SHOWN_CHARS)}: ${shorten(reason, MAX_REASON_CHARS)}`,
      options,
    );
    this.expression = expression;
  }
}

/** Longer expressions and reasons are cut in messages: a missing key may be any text of the data. */
const MAX_SHOWN_CHARS = 200;
const MAX_REASON_CHARS = 500;

const compiled = new BoundedCache<Run>(1_000, 250_000);
const templates = new BoundedCache<Segment[]>(1_000, 500_000);

/**
 * The expression's value as JSON; it may share parts with the context. Throws ExpressionError, and
 * nothing else.
 */
export function evaluateExpression(source: string, context: ExpressionContext): unknown {
  return run(source, createFrame(context));
}

/** For conditions: anything but true or false is an ExpressionError. */
export function evaluateCondition(source: string, context: ExpressionContext): boolean {
  const value = evaluateExpression(source, context);
  if (typeof value === "boolean") return value;
  throw new ExpressionError(
    source.trim(),
    `a condition must be true or false, got ${describeKind(value)}`,
  );
}

/**
 * A value with `${{ }}` in its strings, at any depth, as JSON. A string that is exactly one
 * `${{ }}`, without a space around it, becomes the expression's value of whatever type. In any
 * other string the values become text: strings as they are, everything else as JSON, so that null
 * reads `null`. Keys of maps stay as they are. A literal `${{` is written `${{ '${{' }}`.
 * The limits hold for all expressions of the value together. Throws ExpressionError, and nothing
 * else.
 */
export function evaluateTemplate(value: unknown, context: ExpressionContext): unknown {
  return fill(value, createFrame(context), 0);
}

function createFrame(context: ExpressionContext): Frame {
  return { names: { ...context }, locals: [], work: new Work() };
}

function run(source: string, frame: Frame): unknown {
  const expression = source.trim();
  try {
    const evaluate = compiled.get(expression, prepare);
    return toJson(evaluate(frame), frame.work);
  } catch (error) {
    throw explain(expression, error);
  }
}

function prepare(expression: string): Run {
  const syntax = readSyntax(expression);
  if (!("faults" in syntax)) return compile(syntax.node);
  const [{ message, near }] = syntax.faults;
  throw new Failure(message, () => near ?? []);
}

function explain(expression: string, error: unknown): ExpressionError {
  if (error instanceof ExpressionError) return error;
  if (!(error instanceof Failure)) {
    const reason = error instanceof Error ? error.message : String(error);
    return new ExpressionError(expression, `it broke off: ${reason}`, { cause: error });
  }
  return new ExpressionError(expression, error.message + suggest(error));
}

/** ``, or `, did you mean a or b?` */
function suggest({ findNear }: Failure): string {
  const near = findNear();
  return near.length === 0 ? "" : `, did you mean ${near.join(" or ")}?`;
}

function shorten(text: string, maxChars: number): string {
  return text.length <= maxChars ? text : `${text.slice(0, maxChars)}…`;
}

function fill(value: unknown, frame: Frame, depth: number): unknown {
  if (typeof value === "string") return hasExpression(value) ? fillText(value, frame) : value;
  if (typeof value !== "object" || value === null) return value;
  if (depth > MAX_VALUE_DEPTH) {
    throw new ExpressionError(
      "${{ }}",
      `the value is nested deeper than ${MAX_VALUE_DEPTH} levels`,
    );
  }
  if (Array.isArray(value)) return value.map((item) => fill(item, frame, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, fill(item, frame, depth + 1)]),
  );
}

function fillText(text: string, frame: Frame): unknown {
  const segments = templates.get(text, cut);
  if (segments.length === 1 && typeof segments[0] !== "string") {
    return run(segments[0].source, frame);
  }
  return segments.map((segment) => {
    if (typeof segment === "string") return segment;
    const value = run(segment.source, frame);
    return typeof value === "string" ? value : JSON.stringify(value);
  }).join("");
}

function cut(text: string): Segment[] {
  const template = readTemplate(text);
  if (template.fault === undefined) return template.segments;
  throw new ExpressionError(text.slice(template.fault.offset), template.fault.message);
}
