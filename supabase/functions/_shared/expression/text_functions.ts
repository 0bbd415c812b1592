// Functions of text. The runtime's own are used, so their work is paid by what they can cost at
// worst, before they run.
import { Failure } from "./failure.ts";
import { describeKind } from "./values.ts";
import type { Work } from "./work.ts";

export interface Callable {
  /** Numbers of arguments that it takes, without a method's receiver. */
  arity: readonly number[];
  /** The receiver of a method is the first value. */
  call: (values: readonly unknown[], work: Work) => unknown;
}

export const TEXT_METHODS: readonly [string, Callable][] = [
  defineTextMethod("contains", (text, part, work) => search(text, part, work).includes(part)),
  defineTextMethod("startsWith", (text, part, work) => compareEnd(text, part, work, "startsWith")),
  defineTextMethod("endsWith", (text, part, work) => compareEnd(text, part, work, "endsWith")),
  ["indexOf", { arity: [1, 2], call: (values, work) => findIndex(values, work, "indexOf") }],
  [
    "lastIndexOf",
    { arity: [1, 2], call: (values, work) => findIndex(values, work, "lastIndexOf") },
  ],
  ["lowerAscii", { arity: [0], call: ([text], work) => changeCase(text, work, "toLowerCase") }],
  ["upperAscii", { arity: [0], call: ([text], work) => changeCase(text, work, "toUpperCase") }],
  ["trim", { arity: [0], call: ([text], work) => scan(needText(text, "trim"), work).trim() }],
  ["substring", { arity: [1, 2], call: cutText }],
  ["split", { arity: [1, 2], call: splitText }],
  ["join", { arity: [0, 1], call: joinTexts }],
];

function defineTextMethod(
  name: string,
  call: (text: string, part: string, work: Work) => unknown,
): [string, Callable] {
  return [name, {
    arity: [1],
    call: ([text, part], work) => call(needText(text, name), needText(part, name), work),
  }];
}

export function needText(value: unknown, name: string): string {
  if (typeof value === "string") return value;
  throw new Failure(`${name} needs a string, got ${describeKind(value)}`);
}

function needIndex(value: unknown, name: string, max: number): number {
  const index = typeof value === "bigint" ? Number(value) : value;
  if (typeof index !== "number" || !Number.isInteger(index)) {
    throw new Failure(`${name} needs a whole number, got ${describeKind(value)}`);
  }
  if (index >= 0 && index <= max) return index;
  throw new Failure(`${name} got ${index}, which is not between 0 and ${max}`);
}

/** Pays for going through a text once. */
export function scan(text: string, work: Work): string {
  work.spend(text.length / 8);
  return text;
}

/** The runtime may compare the part at each place: 5 MB with a part of 1,000 took 2.8 s. */
function search(text: string, part: string, work: Work): string {
  const places = Math.max(text.length - part.length + 1, 0);
  work.spend(places * Math.max(part.length, 1) / 32);
  return text;
}

function compareEnd(
  text: string,
  part: string,
  work: Work,
  method: "startsWith" | "endsWith",
): boolean {
  scan(part, work);
  return text[method](part);
}

/** Code points: a pair of surrogates is one character. */
export function countCharacters(text: string, work: Work): number {
  scan(text, work);
  let count = text.length;
  for (let at = 0; at < text.length - 1; at++) {
    const isPair = (text.charCodeAt(at) & 0xfc00) === 0xd800 &&
      (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00;
    if (isPair) count--;
  }
  return count;
}

function findIndex(
  [receiver, wanted, from]: readonly unknown[],
  work: Work,
  method: "indexOf" | "lastIndexOf",
): bigint {
  const text = needText(receiver, method);
  const part = needText(wanted, method);
  search(text, part, work);
  if (from === undefined) return BigInt(text[method](part));
  return BigInt(text[method](part, needIndex(from, method, text.length)));
}

function changeCase(value: unknown, work: Work, method: "toLowerCase" | "toUpperCase"): string {
  const text = needText(value, method === "toLowerCase" ? "lowerAscii" : "upperAscii");
  work.spend(text.length / 2);
  return text[method]();
}

function cutText([receiver, from, to]: readonly unknown[]): string {
  const text = needText(receiver, "substring");
  const start = needIndex(from, "substring", text.length);
  const end = to === undefined ? text.length : needIndex(to, "substring", text.length);
  if (end >= start) return text.substring(start, end);
  throw new Failure(`substring cannot end at ${end}, before its start ${start}`);
}

function splitText([receiver, separator, most]: readonly unknown[], work: Work): string[] {
  const text = needText(receiver, "split");
  const between = needText(separator, "split");
  search(text, between, work);
  // One part more than can be paid for, so that too many are noticed and never made.
  const parts = text.split(between, work.left / 4 + 1);
  work.spend(4 * parts.length);
  if (most === undefined) return parts;
  const limit = Number(most);
  if (!Number.isInteger(limit)) {
    throw new Failure(`split needs a whole number, got ${describeKind(most)}`);
  }
  if (limit === 0) return [];
  if (limit < 0 || parts.length <= limit) return parts;
  return [...parts.slice(0, limit - 1), parts.slice(limit - 1).join(between)];
}

function joinTexts([receiver, separator = ""]: readonly unknown[], work: Work): string {
  if (!Array.isArray(receiver)) {
    throw new Failure(`join needs a list of strings, got ${describeKind(receiver)}`);
  }
  const between = needText(separator, "join");
  let chars = receiver.length * between.length;
  for (const item of receiver) {
    if (typeof item !== "string") {
      throw new Failure(
        `join needs strings, got ${describeKind(item)}: write .map(x, string(x)) before it`,
      );
    }
    chars += item.length;
  }
  work.spend(receiver.length + chars / 8);
  return receiver.join(between);
}
