// What a value must be, in words that people know, from what zod found wrong with it. Serves the
// problems of workflow files and of HTTP bodies alike.
import type { z } from "zod";

/** Reads as "must be …" or "expected …"; null where zod's own message says more. */
export function describeExpectation(issue: z.core.$ZodIssue): string | null {
  switch (issue.code) {
    case "invalid_type":
      return describeType(issue.expected);
    case "invalid_value":
      return issue.values.map(String).join(" or ");
    case "too_small":
      return `${describeUnit(issue.origin)} ${
        issue.inclusive === false ? "above" : "of at least"
      } ${issue.minimum}`;
    case "too_big":
      return `${describeUnit(issue.origin)} ${
        issue.inclusive === false ? "below" : "of at most"
      } ${issue.maximum}`;
    default:
      return null;
  }
}

function describeType(expected: string): string {
  switch (expected) {
    case "object":
    case "record":
      return "a map of keys and values";
    case "array":
      return "a list";
    case "string":
      return "a text";
    case "int":
      return "a whole number";
    case "boolean":
      return "true or false";
    case "number":
      return "a number";
    default:
      return expected;
  }
}

function describeUnit(origin: string): string {
  if (origin === "array") return "a list with a length";
  return origin === "string" ? "a text with a length" : "a number";
}
