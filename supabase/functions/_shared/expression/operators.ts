// The operators. Integers stay integers among themselves (64 bits, `7 / 2` is 3); with a double, as
// all of JSON's numbers are, the result is a double.
import { computeTime } from "./cel.ts";
import { Failure, LimitFailure } from "./failure.ts";
import { MAX_ITEMS, MAX_VALUE_DEPTH } from "./limits.ts";
import { describeKind, findKind, isMap } from "./values.ts";
import type { Work } from "./work.ts";

export type Operator = (left: unknown, right: unknown, work: Work) => unknown;

const MIN_INT = -(2n ** 63n);
const MAX_INT = 2n ** 63n - 1n;

export const BINARY_OPERATORS: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ["==", (left, right, work) => isEqual(left, right, work)],
  ["!=", (left, right, work) => !isEqual(left, right, work)],
  ["<", (left, right, work) => compare("<", left, right, work)],
  ["<=", (left, right, work) => compare("<=", left, right, work)],
  [">", (left, right, work) => compare(">", left, right, work)],
  [">=", (left, right, work) => compare(">=", left, right, work)],
  ["in", (item, list, work) => isMember(item, list, work)],
  ["+", add],
  ["-", subtract],
  ["*", (left, right) => calculate("*", left, right)],
  ["/", (left, right) => calculate("/", left, right)],
  ["%", (left, right) => calculate("%", left, right)],
]);

function add(left: unknown, right: unknown, work: Work): unknown {
  if (typeof left === "number" && typeof right === "number") return left + right;
  if (typeof left === "string" && typeof right === "string") {
    work.spend((left.length + right.length) / 8);
    return left + right;
  }
  if (Array.isArray(left) && Array.isArray(right)) {
    work.spend(left.length + right.length);
    return [...left, ...right];
  }
  if (isTime(left) && isTime(right)) return calculateTime("+", left, right, work);
  return calculate("+", left, right);
}

function subtract(left: unknown, right: unknown, work: Work): unknown {
  if (isTime(left) && isTime(right)) return calculateTime("-", left, right, work);
  return calculate("-", left, right);
}

function calculateTime(operator: string, left: unknown, right: unknown, work: Work): unknown {
  const complaint = `${describeKind(left)} ${operator} ${describeKind(right)} gives no time`;
  return computeTime(`a ${operator} b`, [left, right], work, complaint);
}

function calculate(operator: string, left: unknown, right: unknown): number | bigint {
  if (typeof left === "bigint" && typeof right === "bigint") {
    const result = calculateInt(operator, left, right);
    if (result >= MIN_INT && result <= MAX_INT) return result;
    throw new Failure("integer overflow: the result does not fit 64 bits");
  }
  if (!isNumber(left) || !isNumber(right)) throw explainOperands(operator, left, right);
  return calculateDouble(operator, Number(left), Number(right));
}

function calculateInt(operator: string, left: bigint, right: bigint): bigint {
  switch (operator) {
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
  }
  if (right === 0n) throw new Failure("division by zero");
  return operator === "/" ? left / right : left % right;
}

function calculateDouble(operator: string, left: number, right: number): number {
  switch (operator) {
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
  }
  if (right === 0) throw new Failure("division by zero");
  return operator === "/" ? left / right : left % right;
}

export function negate(value: unknown): unknown {
  if (typeof value === "number") return -value;
  if (typeof value === "bigint") return calculate("-", 0n, value);
  throw new Failure(`- needs a number, got ${describeKind(value)}`);
}

function compare(operator: string, left: unknown, right: unknown, work: Work): boolean {
  checkOrdered(operator, left, right, work);
  // Whatever is ordered compares as JavaScript does, which TypeScript says of numbers only.
  const [first, second] = [left as number, right as number];
  switch (operator) {
    case "<":
      return first < second;
    case "<=":
      return first <= second;
    case ">":
      return first > second;
    default:
      return first >= second;
  }
}

/** Numbers are ordered among themselves, and two values of another kind that has an order. */
function checkOrdered(operator: string, left: unknown, right: unknown, work: Work): void {
  if (isNumber(left) && isNumber(right)) return;
  if (typeof left === "string" && typeof right === "string") {
    work.spend(Math.min(left.length, right.length) / 8);
    return;
  }
  const kind = findKind(left);
  const isOrdered = kind === "bool" || kind === "timestamp" || kind === "duration";
  if (!isOrdered || kind !== findKind(right)) throw explainOperands(operator, left, right);
}

function isMember(item: unknown, list: unknown, work: Work): boolean {
  if (Array.isArray(list)) {
    refuseLongList(list.length);
    return list.some((other) => isEqual(item, other, work));
  }
  if (isMap(list)) return typeof item === "string" && Object.hasOwn(list, item);
  throw new Failure(`in needs a list or a map on its right, got ${describeKind(list)}`);
}

export function refuseLongList(length: number): void {
  if (length <= MAX_ITEMS) return;
  throw new LimitFailure(
    `a list of ${length} items: macros and in go through ${MAX_ITEMS} at most`,
  );
}

/** Deep equality; values of different kinds are not equal, integers and doubles are one kind. */
export function isEqual(left: unknown, right: unknown, work: Work, depth = 0): boolean {
  work.spend(3);
  if (typeof left === "string" && typeof right === "string") {
    if (left.length === right.length) work.spend(left.length / 32);
    return left === right;
  }
  // Loosely, so that 3n equals 3: both are numbers.
  if (isNumber(left) && isNumber(right)) return left == right;
  if (left === right) return true;
  const kind = findKind(left);
  const rightKind = findKind(right);
  if (kind === "optional" || rightKind === "optional") throw explainOperands("==", left, right);
  if (kind !== rightKind) return false;
  if (depth > MAX_VALUE_DEPTH) {
    throw new LimitFailure(`the values are nested deeper than ${MAX_VALUE_DEPTH} levels`);
  }
  switch (kind) {
    case "list":
      return isEqualList(left as unknown[], right as unknown[], work, depth);
    case "map":
      return isEqualMap(left as Members, right as Members, work, depth);
    case "timestamp":
    case "duration":
      return Number(left) === Number(right);
  }
  return false;
}

type Members = Record<string, unknown>;

function isEqualList(left: unknown[], right: unknown[], work: Work, depth: number): boolean {
  return left.length === right.length &&
    left.every((item, index) => isEqual(item, right[index], work, depth + 1));
}

function isEqualMap(left: Members, right: Members, work: Work, depth: number): boolean {
  const keys = Object.keys(left);
  work.spendKeys(keys.length);
  const { length } = Object.keys(right);
  work.spendKeys(length);
  return keys.length === length &&
    keys.every((key) =>
      Object.hasOwn(right, key) && isEqual(left[key], right[key], work, depth + 1)
    );
}

function isNumber(value: unknown): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

function isTime(value: unknown): boolean {
  const kind = findKind(value);
  return kind === "timestamp" || kind === "duration";
}

function explainOperands(operator: string, left: unknown, right: unknown): Failure {
  const message = `${operator} does not take ${describeKind(left)} and ${describeKind(right)}`;
  if (findKind(left) === "optional" || findKind(right) === "optional") {
    return new Failure(`${message}: write .orValue(…) behind the optional`);
  }
  const isOneText = (typeof left === "string") !== (typeof right === "string");
  return new Failure(operator === "+" && isOneText ? `${message}: write string(…)` : message);
}
