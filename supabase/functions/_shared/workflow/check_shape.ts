// The file's shape: turns the zod schema's issues into findings with a place, an expectation and near
// names. Rules that need more than one value are in check_trigger.ts and check_steps.ts.
import { z } from "zod";
import { describeExpectation } from "../contract/expectation.ts";
import { NAME_PATTERN, workflowFile } from "../contract/workflow_file.ts";
import { findNearNames } from "./near.ts";
import { locatePath, type ParsedText, type Path } from "./parse.ts";
import { type ProblemList, quoteValue, writePath } from "./problems.ts";

type Issue = z.core.$ZodIssue;

/** What a value must be, in words, for the patterns of the schema. */
const NAME_RULE = "a lower-case letter, then up to 62 of a-z, 0-9, _ and -";
const EVENT_TYPE_RULE = "a letter or digit, then up to 127 of letters, digits, _ . : and -";

/** Notes every issue of the shape. Returns the file where it has none. */
export function checkShape(parsed: ParsedText, problems: ProblemList) {
  const result = workflowFile.safeParse(parsed.value);
  if (result.success) {
    checkText(parsed, ["description"], problems);
    return result.data;
  }
  for (const issue of result.error.issues) noteIssue(issue, parsed, problems);
  return null;
}

function noteIssue(issue: Issue, parsed: ParsedText, problems: ProblemList): void {
  const path = issue.path.map((part) => typeof part === "symbol" ? String(part) : part);
  const locate = () => locatePath(parsed.document, path);
  if (issue.code === "unrecognized_keys") {
    const known = listKeysAt(path);
    for (const key of issue.keys) {
      const place = [...path, key];
      problems.add(
        () => locatePath(parsed.document, place, "key"),
        `unknown key ${quoteValue(key)}: expected one of ${known.join(", ")}`,
        writePath(place),
        () => findNearNames(key, known),
      );
    }
    return;
  }
  const name = writePath(path);
  const subject = name === "" ? "the file" : name;
  const value = readValueAt(parsed.value, path);
  if (value === undefined) {
    problems.add(locate, `${subject} is missing: expected ${describeExpected(issue)}`, name);
    return;
  }
  const isSize = issue.code === "too_small" || issue.code === "too_big";
  const size = measureSize(value);
  // zod measures a map that has a key `length`, too; its type is an issue of its own.
  if (isSize && size === null) return;
  const got = isSize ? String(size) : quoteValue(value);
  const near = () =>
    issue.code === "invalid_value" && typeof value === "string"
      ? findNearNames(value, issue.values.map(String))
      : [];
  problems.add(locate, `${subject} must be ${describeExpected(issue)}, got ${got}`, name, near);
}

function describeExpected(issue: Issue): string {
  if (issue.code === "invalid_format") {
    return issue.pattern === String(NAME_PATTERN) ? NAME_RULE : EVENT_TYPE_RULE;
  }
  return describeExpectation(issue) ?? issue.message;
}

function measureSize(value: unknown): number | null {
  if (typeof value === "number") return value;
  return typeof value === "string" || Array.isArray(value) ? value.length : null;
}

/** The keys that the schema knows at a path; numbers go into lists. */
function listKeysAt(path: Path): string[] {
  let schema: unknown = workflowFile;
  for (const step of path) {
    schema = unwrapOptional(schema);
    if (schema instanceof z.ZodArray) schema = schema.element;
    else if (schema instanceof z.ZodObject) schema = schema.shape[step];
  }
  schema = unwrapOptional(schema);
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

function unwrapOptional(schema: unknown): unknown {
  return schema instanceof z.ZodOptional ? schema.unwrap() : schema;
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

/** Postgres stores neither NUL nor half a surrogate pair. */
function checkText(parsed: ParsedText, path: Path, problems: ProblemList): void {
  const text = readValueAt(parsed.value, path);
  if (typeof text !== "string" || (text.isWellFormed() && !text.includes("\0"))) return;
  problems.add(
    () => locatePath(parsed.document, path),
    `${writePath(path)} must be text that can be stored, without NUL and lone surrogates`,
    writePath(path),
  );
}
