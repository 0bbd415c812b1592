// What the tests of the HTTP surface share: JSON calls with a service key, the founding document's curl
// lines, and what an answer with problem details must look like.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type postgres from "postgres";
import type { Stack } from "../../scripts/stack/mod.ts";
import { type OpenOptions, openStack, type TestStack } from "../harness/stack.ts";

export type Json = Record<string, unknown>;

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  body: Json;
}

export interface AskOptions {
  /** Sent as JSON; a string is sent as it is. */
  body?: unknown;
  /** Besides the secret key; a null leaves a header out. */
  headers?: Record<string, string | null>;
}

export interface HttpStack {
  db: TestStack["db"];
  stack: Stack;
  agents: TestStack["agents"];
  /** Connected as superuser. */
  sql: postgres.Sql;
  /** Calls `/functions/v1<path>` with the secret key in `apikey`. */
  ask(method: string, path: string, options?: AskOptions): Promise<Answer>;
  /** Rows of a table. */
  count(table: string): Promise<number>;
  stop(): Promise<void>;
}

/** Opens a stack without its loops: what a test sees was caused by its own requests. */
export async function openHttpStack(options: OpenOptions = {}): Promise<HttpStack> {
  const { db, stack, agents, close } = await openStack({
    loops: { cron: false, net: false },
    ...options,
  });
  return {
    db,
    stack,
    agents,
    sql: db.admin,
    ask: (method, path, given = {}) =>
      send(`${stack.url}/functions/v1${path}`, method, {
        ...given,
        headers: { apikey: stack.keys.secret, ...given.headers },
      }),
    count: async (table) =>
      (await db.admin`select count(*)::int as n from ${db.admin(table)}`)[0].n,
    stop: close,
  };
}

/** One request, its answer read to the end; `body` is empty where the answer is no JSON object. */
export async function send(
  url: string,
  method: string,
  { body, headers = {} }: AskOptions = {},
): Promise<Answer> {
  const sent = new Headers({ "content-type": "application/json" });
  for (const [name, value] of Object.entries(headers)) {
    if (value !== null) sent.set(name, value);
  }
  const response = await fetch(url, {
    method,
    headers: sent,
    body: body === undefined || typeof body === "string" ? body : JSON.stringify(body),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: parseObject(text),
  };
}

/** The real curl where there is one. */
export const CURL_OR_OURS = `command -v curl >/dev/null || curl() {
  '${Deno.execPath()}' run -A --no-check '${
  fileURLToPath(new URL("curl.ts", import.meta.url))
}' "$@"
}`;

/** A curl line as the founding document has it, run by a shell against this stack with this key. */
export async function runCurl(
  line: string,
  stack: Stack,
  key: string,
): Promise<Answer> {
  const command = line
    .replaceAll("https://your-project.supabase.co", stack.url)
    .replaceAll("your-service-role-key", key);
  const { success, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", `${CURL_OR_OURS}\n${command} -sS -w '\n%{http_code}'`],
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  const text = new TextDecoder().decode(stdout);
  const cut = text.lastIndexOf("\n");
  const body = text.slice(0, cut);
  return {
    status: Number(text.slice(cut + 1)),
    headers: new Headers(),
    text: body,
    body: parseObject(body),
  };
}

export interface ExpectedProblem {
  status: number;
  kind: string;
  /** Of one of the problems. */
  path?: string;
  /** Of the detail, or of one of the problems. */
  message?: RegExp;
  near?: string;
}

/** The answer must be problem details (RFC 9457) that say what `expected` says. */
export function expectProblem(
  answer: Answer,
  expected: ExpectedProblem,
  what = "",
): void {
  const said = `${what}: ${answer.status} ${answer.text}`;
  assert.equal(answer.status, expected.status, said);
  assert.match(
    answer.headers.get("content-type") ?? "",
    /^application\/problem\+json/,
    said,
  );
  const { type, title, status, detail, kind } = answer.body;
  assert.deepEqual([type, status, kind], [
    "about:blank",
    expected.status,
    expected.kind,
  ], said);
  assert.ok(typeof title === "string" && title !== "", said);
  assert.ok(typeof detail === "string" && detail !== "", said);
  const problems = listProblems(answer);
  if (expected.path !== undefined) {
    assert.ok(
      problems.some(({ path }) => path === expected.path),
      `${expected.path}? ${said}`,
    );
  }
  if (expected.message !== undefined) {
    const texts = [detail, ...problems.map(({ message }) => message)].join(
      "\n",
    );
    assert.match(texts, expected.message, said);
  }
  if (expected.near !== undefined) {
    const near = problems.flatMap((problem) => problem.near ?? []);
    assert.ok(near.includes(expected.near), `${expected.near}? ${said}`);
  }
}

export interface ListedProblem {
  path?: string;
  message: string;
  file?: string;
  line?: number;
  column?: number;
  near?: string[];
}

export function listProblems(answer: Answer): ListedProblem[] {
  return (answer.body.problems ?? []) as ListedProblem[];
}

function parseObject(text: string): Json {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value as Json : {};
  } catch {
    return {};
  }
}
