// What zod found wrong with input, as problems that name the field, and for an unknown field the
// names that it may have meant.
import { z } from "zod";
import type { Problem } from "../contract/errors.ts";
import { describeExpectation } from "../contract/expectation.ts";
import { findNearNames } from "../workflow/near.ts";

/** Near names are looked for by comparing; somebody who sends 100,000 unknown fields means none of them. */
const MAX_NEAR = 100;

/** Ten times what any route takes. */
export const MAX_LIST = 10_000;

/** One problem a field; with the schema, unknown fields also carry near names. */
export function listZodProblems(
  error: z.ZodError,
  schema?: z.ZodType,
): Problem[] {
  return error.issues.flatMap((issue) => listIssueProblems(issue, schema));
}

function listIssueProblems(
  issue: z.core.$ZodIssue,
  schema: z.ZodType | undefined,
): Problem[] {
  const path = issue.path.filter((part) => typeof part !== "symbol");
  if (issue.code === "unrecognized_keys") {
    const known = schema === undefined ? [] : listKnownFields(schema, path);
    return issue.keys.map((key, index) => {
      const near = index < MAX_NEAR ? findNearNames(key, known) : [];
      return {
        path: formatPath([...path, key]),
        message: `unknown field "${key}"${near.length > 0 ? `; did you mean ${near[0]}?` : ""}`,
        ...(near.length > 0 ? { near } : {}),
      };
    });
  }
  if (issue.code === "invalid_union") {
    // The branch that came furthest is the one that was meant; without one the union's own words.
    const branches = issue.errors.filter((branch) => branch.some((inner) => inner.path.length > 0));
    const meant = branches.sort((a, b) => a.length - b.length)[0];
    if (meant !== undefined) {
      return meant.flatMap((inner) =>
        listIssueProblems(
          { ...inner, path: [...issue.path, ...inner.path] },
          schema,
        )
      );
    }
  }
  const field = formatPath(path);
  return [{ ...(field === "" ? {} : { path: field }), message: describeIssue(issue) }];
}

/** A schema's own message where it has one, else what was expected. */
function describeIssue(issue: z.core.$ZodIssue): string {
  const expectation = describeExpectation(issue);
  if (expectation === null || !/^(Invalid|Too) /.test(issue.message)) return issue.message;
  const isMissing = issue.message.endsWith("received undefined");
  return isMissing ? `is missing: expected ${expectation}` : `must be ${expectation}`;
}

/** `steps[2].depends_on`; the root is "". */
export function formatPath(path: readonly (string | number)[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    return text === "" ? part : `${text}.${part}`;
  }, "");
}

/** The field names that a schema knows at a path, through arrays, unions, optional and the like. */
function listKnownFields(
  schema: z.ZodType,
  path: readonly (string | number)[],
): string[] {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodUnion) {
    return inner.options.flatMap((option) => listKnownFields(option as z.ZodType, path));
  }
  const [part, ...rest] = path;
  if (inner instanceof z.ZodArray) {
    return part === undefined ? [] : listKnownFields(inner.element as z.ZodType, rest);
  }
  if (!(inner instanceof z.ZodObject)) return [];
  if (part === undefined) return Object.keys(inner.shape);
  const member: unknown = inner.shape[part];
  return member instanceof z.ZodType ? listKnownFields(member, rest) : [];
}

/**
 * The path of a list that is far too long for any route, where the schema looks at its items; else null. To be
 * asked before the schema is: that goes through all items and notes a problem for each, 400,000 in 15 s.
 */
export function findLongList(
  schema: z.ZodType,
  data: unknown,
  path: readonly (string | number)[] = [],
): string | null {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodUnion) {
    return inner.options.map((option) => findLongList(option as z.ZodType, data, path))
      .find((found) => found !== null) ?? null;
  }
  if (inner instanceof z.ZodArray && Array.isArray(data)) {
    const isAny = unwrap(inner.element as z.ZodType) instanceof z.ZodUnknown;
    return !isAny && data.length > MAX_LIST ? formatPath(path) : null;
  }
  if (!(inner instanceof z.ZodObject) || typeof data !== "object" || data === null) return null;
  for (const [name, member] of Object.entries(inner.shape)) {
    const value = Object.hasOwn(data, name) ? data[name as keyof typeof data] : undefined;
    const found = findLongList(member as z.ZodType, value, [...path, name]);
    if (found !== null) return found;
  }
  return null;
}

function unwrap(schema: z.ZodType): z.ZodType {
  if (
    schema instanceof z.ZodOptional || schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault
  ) return unwrap(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodPipe) return unwrap(schema.in as z.ZodType);
  return schema;
}
