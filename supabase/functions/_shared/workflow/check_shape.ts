// A file's shape: turns the zod schema's issues into findings with a place, an expectation and near
// names. Rules that need more than one value are in the other check_*.ts.
import { z } from "zod";
import { checkData } from "../contract/check_data.ts";
import { describeExpectation } from "../contract/expectation.ts";
import { EXPECTATIONS } from "../contract/workflow_file.ts";
import type { Findings } from "./findings.ts";
import { findNearNames } from "./near.ts";
import type { Path } from "./parse.ts";
import { quoteValue, writePath } from "./problems.ts";

type Issue = z.core.$ZodIssue;

/** More keys than this are told only where no near name says enough. */
const MAX_SHOWN_KEYS = 10;

/** Notes every issue of the shape. Returns the file where it has none. */
export function checkShape<Schema extends z.ZodType>(
  findings: Findings,
  schema: Schema,
): z.infer<Schema> | null {
  const result = checkData(schema, findings.parsed.value);
  if (result.success) return result.data;
  for (const issue of result.error.issues) noteIssue(issue, [], findings, schema);
  return null;
}

function noteIssue(issue: Issue, parent: Path, findings: Findings, schema: z.ZodType): void {
  const path = [
    ...parent,
    ...issue.path.map((part) => typeof part === "symbol" ? String(part) : part),
  ];
  if (issue.code === "unrecognized_keys") {
    return noteUnknownKeys(issue.keys, path, findings, schema);
  }
  const value = readValueAt(findings.parsed.value, path);
  const known = findSchema(schema, path);
  if (issue.code === "invalid_union") {
    return noteUnion(issue, path, value, findings, schema);
  }
  const subject = writePath(path) || "the file";
  const expected = describeExpected(issue, known);
  if (value === undefined) {
    return findings.note(path, `${subject} is missing: expected ${expected}`);
  }
  const isSize = issue.code === "too_small" || issue.code === "too_big";
  const size = measureSize(value);
  // zod measures a map that has a key `length`, too; its type is an issue of its own.
  if (isSize && size === null) return;
  const got = isSize ? String(size) : quoteValue(value);
  findings.note(path, `${subject} must be ${expected}, got ${got}`, {
    findNear: () =>
      issue.code === "invalid_value" && typeof value === "string"
        ? findNearNames(value, issue.values.map(String))
        : [],
  });
}

function noteUnknownKeys(
  keys: readonly string[],
  path: Path,
  findings: Findings,
  schema: z.ZodType,
): void {
  const known = listKeys(findSchema(schema, path));
  for (const key of keys) {
    const near = findings.isFull ? [] : findNearNames(key, known);
    const isEnough = near.length > 0 && known.length > MAX_SHOWN_KEYS;
    const expected = isEnough ? "" : `: expected one of ${known.join(", ")}`;
    findings.note([...path, key], `unknown key ${quoteValue(key)}${expected}`, {
      part: "key",
      findNear: () => near,
    });
  }
}

/** The issues of the one branch that the value was meant for, or what all of them expect. */
function noteUnion(
  issue: z.core.$ZodIssueInvalidUnion,
  path: Path,
  value: unknown,
  findings: Findings,
  schema: z.ZodType,
): void {
  const meant = issue.errors.find((issues) => issues.every((it) => isWithin(it)));
  if (meant !== undefined && meant.length > 0) {
    for (const inner of meant) noteIssue(inner, path, findings, schema);
    return;
  }
  const options = findSchema(schema, path, true);
  const words = (options instanceof z.ZodUnion ? options.options : []).map((option) =>
    describeOption(option)
  );
  const values = issue.errors.flat().flatMap((it) =>
    it.code === "invalid_value" && it.path.length === 0 ? it.values.map(String) : []
  );
  const message = `${writePath(path)} must be ${words.join(" or ")}, got ${quoteValue(value)}`;
  findings.note(path, message, {
    findNear: () => typeof value === "string" ? findNearNames(value, values) : [],
  });
}

/** Whether an issue of a branch is about a part of the value, so that the branch itself fits. */
function isWithin(issue: Issue): boolean {
  return issue.path.length > 0 || issue.code === "unrecognized_keys";
}

function describeOption(option: unknown): string {
  if (option instanceof z.ZodEnum) return option.options.map(String).join(" or ");
  if (option instanceof z.ZodObject) {
    return Object.keys(option.shape).map((key) => `{${key}: n}`).join(" or ");
  }
  if (option instanceof z.ZodRecord) return "a map of keys and values";
  return "a text";
}

function describeExpected(issue: Issue, schema: unknown): string {
  const expectation = schema instanceof z.ZodType ? EXPECTATIONS.get(schema) : undefined;
  if (issue.code === "custom") return issue.message;
  if (expectation !== undefined && (issue.code === "invalid_format" || expectation.always)) {
    return expectation.words;
  }
  return describeExpectation(issue) ?? issue.message;
}

function measureSize(value: unknown): number | null {
  if (typeof value === "number") return value;
  return typeof value === "string" || Array.isArray(value) ? value.length : null;
}

function listKeys(schema: unknown): string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

/** The schema at a path; numbers go into lists. Of a union the map, unless the union is wanted. */
function findSchema(root: z.ZodType, path: Path, wantsUnion = false): unknown {
  let schema: unknown = unwrap(root);
  for (const step of path) {
    schema = pickMap(schema);
    if (schema instanceof z.ZodArray) schema = schema.element;
    else if (schema instanceof z.ZodObject) schema = schema.shape[step];
    else return undefined;
    schema = unwrap(schema);
  }
  return wantsUnion ? schema : pickMap(schema);
}

function unwrap(schema: unknown): unknown {
  return schema instanceof z.ZodOptional ? unwrap(schema.unwrap()) : schema;
}

function pickMap(schema: unknown): unknown {
  if (!(schema instanceof z.ZodUnion)) return schema;
  return schema.options.find((option) => option instanceof z.ZodObject) ?? schema;
}

function readValueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (current, step) =>
      typeof current === "object" && current !== null
        ? (current as Record<string | number, unknown>)[step]
        : undefined,
    value,
  );
}
