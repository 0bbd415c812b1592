// The refusals of a route: those that any route of its kind can give, and its own.
import { problemDetails } from "../../_shared/contract/answers/problem_details.ts";
import type { AccessLevel } from "../../_shared/http/access.ts";
import { PROBLEM_CONTENT_TYPE } from "../../_shared/http/problem.ts";
import type { SchemaBook } from "./convert_schema.ts";
import type { RouteEntry } from "./entry.ts";

const COMMON: Record<number, { name: string; description: string }> = {
  400: {
    name: "Invalid",
    description: "What was sent is malformed; each problem names its field.",
  },
  401: { name: "Unauthorized", description: "No credential, or one that is wrong or expired." },
  403: { name: "Forbidden", description: "A signed-in user without the role that this takes." },
  413: { name: "TooLarge", description: "The body is too large." },
  500: {
    name: "Internal",
    description: "A mistake of ours; the log has it under the request's id.",
  },
  503: {
    name: "Unavailable",
    description: "The database or Storage is away; nothing is half done. Try again.",
  },
};

/** When to come back is said where it passes by itself. */
const PASSING = [429, 503];

export interface Response {
  description: string;
  headers?: Record<string, unknown>;
  content?: Record<string, unknown>;
}

/** The components that routes refer to, by name. */
export function describeCommonResponses(book: SchemaBook): Record<string, Response> {
  return Object.fromEntries(
    Object.entries(COMMON).map(([status, { name, description }]) => [
      name,
      describeProblem(Number(status), description, book),
    ]),
  );
}

/** By status; a reference where the route has nothing of its own to say. */
export function describeRefusals(
  { path, query, body, errors = {} }: RouteEntry,
  level: AccessLevel,
  book: SchemaBook,
): Record<string, Response | { $ref: string }> {
  const common = [
    ...(path !== undefined || query !== undefined || body !== undefined ? [400] : []),
    ...(body !== undefined ? [413] : []),
    ...(level === "open" ? [] : [401]),
    // Whoever is signed in is let in to what is for users.
    ...(level === "open" || level === "user" ? [] : [403]),
    500,
    503,
  ];
  const references = common.map((status): [number, { $ref: string }] => [
    status,
    { $ref: `#/components/responses/${COMMON[status].name}` },
  ]);
  const own = Object.entries(errors).map(([status, why]): [string, Response] => [
    status,
    describeProblem(Number(status), why, book),
  ]);
  return Object.fromEntries([...references, ...own]);
}

export function describeProblem(status: number, description: string, book: SchemaBook): Response {
  const schema = book.find(problemDetails);
  return {
    description,
    ...(PASSING.includes(status)
      ? { headers: { "Retry-After": { $ref: "#/components/headers/RetryAfter" } } }
      : {}),
    content: { [PROBLEM_CONTENT_TYPE]: { schema } },
  };
}
