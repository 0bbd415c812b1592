// The fenced blocks of a document, run as a reader would: SQL on a database, curl and `task keys` in a shell.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { CURL_OR_OURS, type HttpStack } from "../http/http_stack.ts";

const ROOT = new URL("../../", import.meta.url);

export interface Block {
  language: string;
  text: string;
}

export async function readDocument(path: string): Promise<string> {
  return await Deno.readTextFile(new URL(path, ROOT));
}

/** All blocks with a language in their order, without the indent of a list. */
export function listBlocks(document: string): Block[] {
  return [...document.matchAll(/^( *)```(\w+)\n(.*?)^\1```$/gms)].map(
    ([, indent, language, body]) => ({
      language,
      text: body.split("\n").map((line) => line.slice(indent.length)).join("\n"),
    }),
  );
}

/** Whether all that a block does is done by curl, or by `task keys`. */
export function isRunnable({ language, text }: Block): boolean {
  return language === "bash" && /^(# .*\n)*(curl |npx -y deno@2 task keys )/.test(text);
}

/** Runs a block; answers how many rows its queries gave together. */
export async function countRows({ sql }: Pick<HttpStack, "sql">, block: string): Promise<number> {
  try {
    const results = await sql.unsafe(block).simple();
    return [results].flat(2).length;
  } catch (cause) {
    throw new Error(`this block fails:\n${block}`, { cause });
  }
}

/** Runs the lines of a block in a shell; every answer must be a success. Answers what was printed. */
export async function runShell(
  { stack }: Pick<HttpStack, "stack">,
  block: string,
  env: Record<string, string> = {},
): Promise<string> {
  const lines = block.trim()
    .replaceAll(/^curl /gm, "curl -sS -w '\\n%{http_code}\\n' ")
    .replaceAll(
      "npx -y deno@2 task keys ",
      `'${Deno.execPath()}' run -A --no-check '${
        fileURLToPath(new URL("scripts/keys.ts", ROOT))
      }' `,
    );
  const { success, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-ec", `${CURL_OR_OURS}\n${lines}`],
    env: {
      SUPABASE_SECRET_KEY: stack.keys.secret,
      SUPABASE_URL: stack.url,
      API: `${stack.url}/functions/v1/orchestrator`,
      ...env,
    },
  }).output();
  const text = new TextDecoder().decode(stdout);
  assert.ok(success, `${block}\n${text}\n${new TextDecoder().decode(stderr)}`);
  const statuses = text.split("\n").filter((line) => /^\d{3}$/.test(line));
  assert.equal(statuses.length, (lines.match(/^curl /gm) ?? []).length, text);
  for (const status of statuses) assert.match(status, /^2/, `${block}\n${text}`);
  return text;
}
