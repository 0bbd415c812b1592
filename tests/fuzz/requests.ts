// Requests of any route, drawn from its description: right ones, right ones that were spoilt, and noise.
import fc from "fast-check";
import type { FoundOperation, OpenapiDocument } from "../operations/described_surface.ts";
import { hostileTexts, hostileValues, spoil, spoilings } from "./hostile.ts";
import { drawValues, type Known, preferKnown } from "./schema_values.ts";

export interface DrawnRequest {
  method: string;
  /** With its query. */
  path: string;
  headers: Record<string, string>;
  /** The text itself, or its bytes. */
  body?: string | Uint8Array<ArrayBuffer>;
  /** Whether the body is JSON, so that a refusal can name its field. */
  isJson: boolean;
}

/** Requests of one operation, to a document's server. */
export function drawRequests(
  document: OpenapiDocument,
  { route, operation }: FoundOperation,
  known: Known,
): fc.Arbitrary<DrawnRequest> {
  const [method, template] = route.split(" ");
  const { schemas } = document.components;
  const drawIn = (place: string) =>
    (operation.parameters ?? []).filter((it) => it.in === place).map((
      { name, schema },
    ): [string, fc.Arbitrary<unknown>] => [
      name,
      preferKnown(name, known, drawValues(schema, schemas, known)),
    ]);
  const json = operation.requestBody?.content["application/json"];
  const body = json === undefined
    ? fc.constant(undefined)
    : preferKnown(route, known, drawValues(json.schema, schemas, known));
  return fc.record({
    path: fc.record(Object.fromEntries(drawIn("path"))),
    query: fc.oneof(
      {
        arbitrary: fc.record(Object.fromEntries(drawIn("query")), { requiredKeys: [] }),
        weight: 3,
      },
      fc.dictionary(fc.constantFrom(...drawIn("query").map(([name]) => name), "x"), hostileTexts, {
        maxKeys: 3,
      }),
    ),
    spoiltPath: fc.option(fc.tuple(fc.nat(5), hostileTexts), { freq: 6 }),
    headers: drawHeaders,
    // A client of this language sends none with a GET.
    sent: method === "GET" ? fc.constant<Sent>({ isJson: false }) : drawSent(body),
  }).map(({ path, query, spoiltPath, headers, sent }) => ({
    method,
    path: writePath(template, path, spoiltPath) + writeQuery(query),
    headers,
    ...sent,
  }));
}

/** Values of headers are what a client can send at all. */
const headerValues = fc.oneof(
  fc.string({ maxLength: 60 }).map((text) => text.replaceAll(/[^\x20-\x7e]/g, "")),
  fc.string({
    unit: fc.integer({ min: 0x80, max: 0xff }).map((code) => String.fromCharCode(code)),
  }),
  fc.constantFrom(
    "0",
    "-1",
    "application/json",
    "text/event-stream",
    "*/*",
    "gzip",
    "9".repeat(300),
  ),
  fc.constantFrom("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "a=b".repeat(200)),
);

const drawHeaders = fc.dictionary(
  fc.constantFrom(
    ...["accept", "content-type", "idempotency-key", "last-event-id", "traceparent", "tracestate"],
    ...["x-request-id", "x-forwarded-for", "origin", "x-hub-signature-256", "webhook-id", "prefer"],
  ),
  headerValues,
  { maxKeys: 2, noNullPrototype: true },
);

type Sent = Pick<DrawnRequest, "body" | "isJson">;

function drawSent(right: fc.Arbitrary<unknown>): fc.Arbitrary<Sent> {
  const asJson = (value: unknown): Sent => ({
    body: JSON.stringify(value),
    isJson: value !== undefined,
  });
  return fc.oneof(
    { arbitrary: right.map(asJson), weight: 3 },
    {
      arbitrary: fc.tuple(right, spoilings).map(([value, list]) => asJson(spoil(value, list))),
      weight: 6,
    },
    hostileValues.map(asJson),
    fc.tuple(right, fc.nat(400), fc.string({ unit: "binary", maxLength: 4 })).map(
      ([value, at, noise]): Sent => {
        const text = JSON.stringify(value) ?? "";
        return { body: text.slice(0, at) + noise + text.slice(at + 1), isJson: false };
      },
    ),
    fc.constantFrom('{"a": 1e999}', "[1e999]", '{"a":1,"a":2}', "-", "\ufeff{}", "null", "[]").map(
      (body): Sent => ({ body, isJson: false }),
    ),
    fc.uint8Array({ maxLength: 40 }).map((bytes): Sent => ({
      body: new Uint8Array(bytes),
      isJson: false,
    })),
  );
}

function writePath(
  template: string,
  values: Record<string, unknown>,
  spoilt: [number, string] | null,
): string {
  const names = Object.keys(values);
  const at = spoilt === null ? -1 : spoilt[0] % Math.max(names.length, 1);
  return names.reduce((path, name, index) => {
    const text = index === at ? spoilt![1] : String(values[name]);
    return path.replace(`{${name}}`, () => encodeSegment(text));
  }, template);
}

/** Neither nothing nor a step up, which would be another path. */
function encodeSegment(text: string): string {
  const shown = encodeURIComponent(text.toWellFormed().slice(0, 2_000));
  return ["", ".", ".."].includes(shown) ? "x" : shown;
}

function writeQuery(query: Record<string, unknown>): string {
  const pairs = Object.entries(query).map(([name, value]) =>
    `${encodeURIComponent(name)}=${
      encodeURIComponent(String(value).toWellFormed().slice(0, 4_000))
    }`
  );
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}
