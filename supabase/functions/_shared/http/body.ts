// Request bodies: read within a limit, parsed, checked against a schema. What comes out of here is
// typed; what does not fit is refused with the place and the field.
import type { z } from "zod";
import { checkData } from "../contract/check_data.ts";
import { OrchestratorError } from "../contract/errors.ts";
import { locateJsonError } from "./json_position.ts";
import { findLongList, listZodProblems, MAX_LIST } from "./zod_problems.ts";

/** Told in an answer; a body of 1 MiB has room for 100,000 unknown fields. */
const MAX_PROBLEMS = 100;

/**
 * Reads a JSON body of at most `maxBytes` that fits the schema. An empty body is `undefined` to the
 * schema, so that an optional one takes it. The content type is not asked for: curl sends a wrong
 * one by default, and what counts is whether the text is JSON. Throws OrchestratorError `invalid`
 * or `payload_too_large`.
 */
export async function readJson<Schema extends z.ZodType>(
  request: Request,
  schema: Schema,
  maxBytes: number,
): Promise<z.output<Schema>> {
  return checkInput(
    parseJson(await readText(request, maxBytes)),
    schema,
    "body",
  );
}

/** Checks parsed input (a body, a query) against a schema; throws `invalid` naming every field. */
export function checkInput<Schema extends z.ZodType>(
  input: unknown,
  schema: Schema,
  what: "body" | "query",
): z.output<Schema> {
  const long = findLongList(schema, input);
  if (long !== null) {
    const message = `must be a list of at most ${MAX_LIST} items`;
    throw new OrchestratorError("invalid", `reading the ${what}: ${long || "it"} ${message}`, {
      problems: [{ ...(long === "" ? {} : { path: long }), message }],
    });
  }
  const result = checkData(schema, input);
  if (result.success) return result.data;
  if (input === undefined) {
    throw new OrchestratorError(
      "invalid",
      `reading the ${what}: it is empty, expected JSON`,
    );
  }
  const found = listZodProblems(result.error, schema);
  const problems = found.slice(0, MAX_PROBLEMS);
  const first = problems[0];
  const place = first.path === undefined ? "" : `${first.path.slice(0, 200)}: `;
  const more = found.length > 1 ? ` (and ${found.length - 1} more)` : "";
  throw new OrchestratorError(
    "invalid",
    `reading the ${what}: ${place}${first.message}${more}`,
    {
      problems,
    },
  );
}

/** Reads a body as text, within the limit. */
export async function readText(
  request: Request,
  maxBytes: number,
): Promise<string> {
  const bytes = await readBytes(request, maxBytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new OrchestratorError(
      "invalid",
      "reading the body: it is not UTF-8 text",
      { cause },
    );
  }
}

/** Nobody takes longer over 1 MiB who means it; a sender that dribbles would hold the isolate for minutes. */
const BODY_TIMEOUT_MS = 30_000;

/**
 * Reads a body as it is, counting while it comes in: a length header may be missing or a lie. The whole of it
 * must have come within `timeoutMs`.
 */
export async function readBytes(
  request: Request,
  maxBytes: number,
  timeoutMs = BODY_TIMEOUT_MS,
): Promise<Uint8Array<ArrayBuffer>> {
  const announced = Number(request.headers.get("content-length") ?? 0);
  if (announced > maxBytes) throw tooLarge(maxBytes);
  if (request.body === null) return new Uint8Array();
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  const reader = request.body.getReader();
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(tooSlow(timeoutMs)), timeoutMs);
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), late.promise]);
      if (done) break;
      size += value.byteLength;
      if (size > maxBytes) throw tooLarge(maxBytes);
      chunks.push(value);
    }
  } catch (cause) {
    // A flood is not read to its end, and who dribbles is not waited for.
    reader.cancel().catch(() => {});
    if (cause instanceof OrchestratorError) throw cause;
    throw new OrchestratorError("invalid", "reading the body: the connection ended early", {
      cause,
    });
  } finally {
    clearTimeout(timer);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/** An empty text is `undefined`; throws `invalid` with the place where it is no JSON. */
export function parseJson(text: string): unknown {
  if (text.trim() === "") return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    const { line, column } = locateJsonError(text);
    const message = `not valid JSON at line ${line}, column ${column}`;
    throw new OrchestratorError("invalid", `reading the body: ${message}`, {
      problems: [{ message, line, column }],
      cause,
    });
  }
}

function tooLarge(maxBytes: number): OrchestratorError {
  return new OrchestratorError(
    "payload_too_large",
    `reading the body: it is larger than ${maxBytes} bytes`,
  );
}

function tooSlow(timeoutMs: number): OrchestratorError {
  return new OrchestratorError(
    "invalid",
    `reading the body: it had not come in whole after ${timeoutMs} ms`,
  );
}
