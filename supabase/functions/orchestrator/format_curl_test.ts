import assert from "node:assert/strict";
import { formatCurl } from "./format_curl.ts";

/** The arguments that a shell hands to curl. */
async function readArguments(line: string, env: Record<string, string> = {}): Promise<string[]> {
  const script = `curl() { for it in "$@"; do printf '%s\\0' "$it"; done; }\n${line}`;
  const { success, stdout, stderr } = await new Deno.Command("sh", { args: ["-c", script], env })
    .output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).split("\0").slice(0, -1);
}

Deno.test("whatever a request holds reaches curl as it is", async () => {
  const nasty = 'it\'s $HOME `id` $(id) \\ "quoted"\n!! ünïcode @file -X';
  const url = "https://p.example.com/functions/v1/a?q=%27&r=$1";
  const line = formatCurl({
    method: "POST",
    url,
    headers: { "x-step-id": nasty, "content-type": "application/json" },
    body: JSON.stringify({ nasty }),
  });
  assert.deepEqual(await readArguments(line), [
    ...["-X", "POST", url],
    ...["-H", `x-step-id: ${nasty}`, "-H", "content-type: application/json"],
    ...["--data-raw", JSON.stringify({ nasty })],
  ]);
});

Deno.test("credentials are the shell's own variables", async () => {
  const line = formatCurl(
    {
      method: "GET",
      url: "https://p.example.com/",
      headers: { apikey: "[redacted]", "x-a": "$KEY" },
    },
    { apikey: "$KEY" },
  );
  assert.deepEqual(await readArguments(line, { KEY: "k1 k2" }), [
    ...["-X", "GET", "https://p.example.com/"],
    ...["-H", "apikey: k1 k2", "-H", "x-a: $KEY"],
  ]);
});

Deno.test("curl takes brackets and braces of a URL for what they are", async () => {
  const url = "https://p.example.com/a?ids[]=1&range={1,2}";
  const line = formatCurl({ method: "GET", url, headers: {} });
  assert.deepEqual(await readArguments(line), ["-g", "-X", "GET", url]);
});
