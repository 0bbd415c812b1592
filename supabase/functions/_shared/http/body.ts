// Request bodies: read within a limit, parsed, checked against a schema. What comes out of here is
// typed; what does not fit is refused with the place and the field.
import type { z } from "zod";
import { checkData } from "../contract/check_data.ts";
import { OrchestratorError } from "../contract/errors.ts";
import { locateJsonError } from "./json_position.ts";
import { listZodProblems } from "./zod_problems.ts";

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
  const result = checkData(schema, input);
  if (result.success) return result.data;
  if (input === undefined) {
    throw new OrchestratorError(
      "invalid",
      `reading the ${what}: it is empty, expected JSON`,
    );
  }
  const problems = listZodProblems(result.error, schema);
  const first = problems[0];
  const place = first.path === undefined ? "" : `${first.path}: `;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
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

/** Reads a body as it is, counting while it comes in: a length header may be missing or a lie. */
export async function readBytes(
  request: Request,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const announced = Number(request.headers.get("content-length") ?? 0);
  if (announced > maxBytes) throw tooLarge(maxBytes);
  if (request.body === null) return new Uint8Array();
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  try {
    // Leaving the loop by throwing cancels the stream, so a flood is not read to its end.
    for await (const chunk of request.body) {
      size += chunk.byteLength;
      if (size > maxBytes) throw tooLarge(maxBytes);
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof OrchestratorError) throw cause;
    throw new OrchestratorError(
      "invalid",
      "reading the body: the connection ended early",
      {
        cause,
      },
    );
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
