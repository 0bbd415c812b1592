// GET /openapi.json as a client uses it: finds the operation of a call, and holds bodies and answers
// against its schemas.
import assert from "node:assert/strict";
import { type Schema, Validator } from "@cfworker/json-schema";
import type { Answer } from "../http/http_stack.ts";

export interface Operation {
  operationId: string;
  tags: string[];
  security: Record<string, string[]>[];
  parameters?: { name: string; in: string; schema: Schema }[];
  requestBody?: { required: boolean; content: Record<string, Media> };
  responses: Record<string, Response>;
}

interface Media {
  schema: Schema;
  example?: unknown;
  examples?: Record<string, { value: unknown }>;
}

interface Response {
  $ref?: string;
  content?: Record<string, Media>;
}

export interface OpenapiDocument {
  openapi: string;
  tags: { name: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: {
    schemas: Record<string, Schema>;
    responses: Record<string, Response>;
    securitySchemes: Record<string, unknown>;
  };
}

export interface FoundOperation {
  /** `POST /runs/{id}/cancel` */
  route: string;
  operation: Operation;
}

export function listOperations({ paths }: OpenapiDocument): FoundOperation[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      route: `${method.toUpperCase()} ${path}`,
      operation,
    }))
  );
}

/** The operation of a call; of two that fit, the one with fewer parameters, as OpenAPI says. */
export function findOperation(
  document: OpenapiDocument,
  method: string,
  url: string,
): FoundOperation {
  const path = url.split("?")[0];
  const fitting = listOperations(document).filter(({ route }) => {
    const pattern = route.replace(/[.]/g, "\\.").replace(/\{\w+\}/g, "[^/]+");
    return new RegExp(`^${pattern}$`).test(`${method} ${path}`);
  });
  fitting.sort((a, b) => a.route.split("{").length - b.route.split("{").length);
  assert.ok(fitting.length > 0, `the document has no ${method} ${path}`);
  return fitting[0];
}

/** What is wrong with a value by a schema of the document; empty if nothing is. */
export function listFaults(document: OpenapiDocument, schema: Schema, value: unknown): string[] {
  const whole = { ...schema, components: { schemas: document.components.schemas } } as Schema;
  const { errors } = new Validator(whole, "2020-12", false).validate(value);
  return errors.map(({ instanceLocation, error }) => `${instanceLocation}: ${error}`);
}

/** Whether a body may be sent, by the document. */
export function takesBody(
  document: OpenapiDocument,
  { operation }: FoundOperation,
  body: unknown,
): boolean {
  const media = operation.requestBody?.content["application/json"];
  assert.ok(media, `${operation.operationId} takes no JSON`);
  return listFaults(document, media.schema, body).length === 0;
}

/** Columns that go along in runs and jobs, and that are the engine's own: nobody is to rely on them. */
const UNDESCRIBED = ["depth", "is_serial", "join_min", "join_rule", "rate_limit_key"];

/** The answer must have a status, a media type and a body that the document tells of, and no more. */
export function checkAnswer(
  document: OpenapiDocument,
  { route, operation }: FoundOperation,
  answer: Answer,
): void {
  const said = `${route}: ${answer.status} ${answer.text.slice(0, 2_000)}`;
  const response = resolve(document, operation.responses[answer.status]);
  assert.ok(response, `the document has no such status: ${said}`);
  if (response.content === undefined || Object.keys(response.content).length === 0) {
    return assert.equal(answer.text, "", `the document has no body: ${said}`);
  }
  const type = (answer.headers.get("content-type") ?? "").split(";")[0];
  const media = response.content[type];
  assert.ok(media, `the document has no ${type}: ${said}`);
  const body = /[/+]json$/.test(type)
    ? JSON.parse(
      answer.text,
      (name, member) => UNDESCRIBED.includes(name) ? undefined : member,
    )
    : answer.text;
  const faults = listFaults(close(document), close(media.schema), body);
  assert.deepEqual(faults, [], said);
}

function resolve({ components }: OpenapiDocument, response: Response | undefined) {
  return response?.$ref === undefined
    ? response
    : components.responses[response.$ref.split("/").at(-1)!];
}

/** No field that is not described: clients must bear more of them, but the document is to have all. */
function close<T>(value: T): T {
  return JSON.parse(
    JSON.stringify(value),
    (_key, member) =>
      typeof member?.properties === "object" && member.type === "object" &&
        member.additionalProperties === undefined
        ? { ...member, additionalProperties: false }
        : member,
  );
}
