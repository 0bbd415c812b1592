// One route as an operation of OpenAPI.
import type { z } from "zod";
import type { AccessLevel } from "../../_shared/http/access.ts";
import type { JsonSchema, SchemaBook } from "./convert_schema.ts";
import type { RouteAnswer, RouteBody, RouteEntry } from "./entry.ts";
import { describeProblem, describeRefusals, type Response } from "./problem_responses.ts";
import { describeSecurity } from "./security.ts";

const JSON_TYPE = "application/json";

interface Parameter {
  name: string;
  in: "path" | "query" | "header";
  required: boolean;
  description?: string;
  schema: JsonSchema;
}

/** Every schema that the operation of an entry is made of. */
export function listSchemas(
  { path = {}, query, headers = {}, body, answers }: RouteEntry,
): z.ZodType[] {
  const answered = Object.values(answers)
    .flatMap(({ schema, others = {} }) => [schema, ...Object.values(others)]);
  return [...Object.values(path), query, ...Object.values(headers), body?.schema, ...answered]
    .filter((schema) => schema !== undefined);
}

/** The book holds the schemas of `listSchemas`. */
export function describeOperation(entry: RouteEntry, level: AccessLevel, book: SchemaBook) {
  const { tag, operationId, summary, description, body } = entry;
  const parameters = [
    ...listNamed("path", entry.path, book),
    ...listQuery(entry.query, book),
    ...listNamed("header", entry.headers, book),
  ];
  return {
    tags: [tag],
    operationId,
    summary,
    ...(description === undefined ? {} : { description }),
    security: describeSecurity(level, entry.credential),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: describeBody(body, book) }),
    responses: describeResponses(entry, level, book),
  };
}

function listNamed(
  place: "path" | "header",
  schemas: Record<string, z.ZodType> = {},
  book: SchemaBook,
): Parameter[] {
  return Object.entries(schemas).map(([name, schema]) =>
    toParameter(name, place, place === "path", book.find(schema))
  );
}

/** The members of the query's schema, each by itself. */
function listQuery(query: z.ZodObject | undefined, book: SchemaBook): Parameter[] {
  if (query === undefined) return [];
  const { properties = {}, required = [] } = book.find(query);
  return Object.entries(properties).map(([name, schema]) =>
    toParameter(name, "query", required.includes(name), schema as JsonSchema)
  );
}

function toParameter(
  name: string,
  place: Parameter["in"],
  required: boolean,
  { description, ...schema }: JsonSchema,
): Parameter {
  return {
    name,
    in: place,
    required,
    ...(description === undefined ? {} : { description }),
    schema,
  };
}

function describeBody({ schema, mediaType = JSON_TYPE, examples }: RouteBody, book: SchemaBook) {
  return {
    required: !schema.safeParse(undefined).success,
    content: {
      [mediaType]: {
        schema: book.find(schema),
        ...(examples === undefined ? {} : { examples }),
      },
    },
  };
}

function describeResponses(entry: RouteEntry, level: AccessLevel, book: SchemaBook) {
  const responses: Record<string, Response | { $ref: string }> = describeRefusals(
    entry,
    level,
    book,
  );
  for (const [status, answer] of Object.entries(entry.answers)) {
    const response = describeAnswer(answer, book);
    // A status of which the route makes an answer may come as a refusal too.
    const refusal = status in responses ? describeProblem(Number(status), "", book).content : {};
    responses[status] = { ...response, content: { ...response.content, ...refusal } };
  }
  return responses;
}

function describeAnswer(
  { description, schema, mediaType = JSON_TYPE, others = {}, headers = {}, example }: RouteAnswer,
  book: SchemaBook,
): Response {
  const named = Object.entries(headers).map(([name, text]) => [
    name,
    { description: text, schema: { type: "string" } },
  ]);
  return {
    description,
    ...(named.length === 0 ? {} : { headers: Object.fromEntries(named) }),
    ...(schema === undefined ? {} : {
      content: {
        [mediaType]: {
          schema: book.find(schema),
          ...(example === undefined ? {} : { example }),
        },
        ...Object.fromEntries(
          Object.entries(others).map(([type, other]) => [type, { schema: book.find(other) }]),
        ),
      },
    }),
  };
}
