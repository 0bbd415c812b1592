// What a delivery that was verified says: its body as JSON, its headers without credentials, and its id.
import { OrchestratorError } from "../contract/errors.ts";
import type { HookScheme } from "../contract/hooks.ts";
import { findUnstorable } from "../database/storable.ts";
import { locateJsonError } from "../http/json_position.ts";
import { type Delivery, readHeader } from "./delivery.ts";
import { hashBytes, hashText } from "./digest.ts";

/** What the expressions of a source see, and the payload of its events. */
export interface HookContents extends Record<string, unknown> {
  body: unknown;
  headers: Record<string, string>;
  source: string;
}

/** Reads what was sent; throws `invalid` for a body that is not what it says it is. */
export function readContents(
  delivery: Delivery,
  scheme: HookScheme,
  source: string,
): HookContents {
  const body = readBody(delivery);
  const fault = findUnstorable(body);
  if (fault !== null) {
    throw new OrchestratorError("unprocessable", `reading the delivery: the body ${fault}`);
  }
  return {
    body: scheme.preset === "slack" ? dropVerificationToken(body) : body,
    headers: pickHeaders(delivery, scheme),
    source,
  };
}

/**
 * JSON whatever it is called, for curl calls it a form; else the fields of a form, or a text that says it
 * is none of these.
 */
function readBody(delivery: Delivery): unknown {
  const text = readText(delivery);
  const type = readHeader(delivery, "content-type").split(";")[0].trim().toLowerCase();
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    if (type === "application/x-www-form-urlencoded") return readForm(text);
    if (type !== "" && !/[/+]json$/.test(type)) return text;
  }
  // Without the parser's own message, which quotes the body.
  const { line, column } = locateJsonError(text);
  const message = `not valid JSON at line ${line}, column ${column}`;
  throw new OrchestratorError("invalid", `reading the delivery: ${message}`, {
    problems: [{ message, line, column }],
  });
}

function readText({ raw }: Delivery): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(raw);
  } catch (cause) {
    throw new OrchestratorError("invalid", "reading the delivery: the body is not UTF-8 text", {
      cause,
    });
  }
}

/** GitHub and Slack can send their JSON as the one field `payload` of a form: it is the body then. */
function readForm(text: string): unknown {
  const fields = Object.fromEntries(new URLSearchParams(text));
  const names = Object.keys(fields);
  if (names.length !== 1 || names[0] !== "payload") return fields;
  try {
    return JSON.parse(fields.payload);
  } catch {
    return fields;
  }
}

/** Slack's older credential, which it still sends along. */
function dropVerificationToken(body: unknown): unknown {
  if (typeof body !== "object" || body === null || !("token" in body)) return body;
  const { token: _token, ...rest } = body;
  return rest;
}

/** Words of headers that are credentials, or that say how the delivery came here and nothing of itself. */
const CREDENTIAL =
  /(^|-)(auth|authorization|token|secret|key|apikey|hmac|cookie|password|jwt)(-|$)|signature/;
const TRANSPORT =
  /^(host|connection|content-length|transfer-encoding|accept.*|via|forwarded|x-forwarded-.*|x-real-ip|cf-.*|cdn-.*|sb-.*|x-request-id|traceparent|tracestate|baggage)$/;

function pickHeaders({ headers }: Delivery, scheme: HookScheme): Record<string, string> {
  const own = "header" in scheme.settings ? scheme.settings.header : null;
  return Object.fromEntries(
    [...headers].filter(([name]) =>
      name !== own && !CREDENTIAL.test(name) && !TRANSPORT.test(name)
    ),
  );
}

/** An id of this many characters is kept as it is. */
const MAX_ID_CHARS = 200;

/**
 * What tells a delivery that comes again from another one: the sender's id where it has one, else the
 * digest of the body.
 */
export async function identifyDelivery(
  delivery: Delivery,
  scheme: HookScheme,
  { body }: HookContents,
): Promise<string> {
  const id = findId(delivery, scheme, body);
  if (id === "") return `sha256:${await hashBytes(delivery.raw)}`;
  return id.length <= MAX_ID_CHARS ? id : `sha256:${await hashText(id)}`;
}

function findId(delivery: Delivery, scheme: HookScheme, body: unknown): string {
  switch (scheme.preset) {
    case "standard":
      return readHeader(delivery, "webhook-id");
    case "github":
      return readHeader(delivery, "x-github-delivery");
    case "stripe":
      return readMember(body, "id");
    case "slack":
      return readMember(body, "event_id");
    default: {
      const { id_header } = scheme.settings;
      return id_header === undefined ? "" : readHeader(delivery, id_header);
    }
  }
}

function readMember(body: unknown, name: string): string {
  if (typeof body !== "object" || body === null || !Object.hasOwn(body, name)) return "";
  const value = (body as Record<string, unknown>)[name];
  return typeof value === "string" ? value : "";
}
