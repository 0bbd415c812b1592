import assert from "node:assert/strict";
import fc from "fast-check";
import { readHttpAnswer } from "./http_answer.ts";

/** Reads an answer that comes in these pieces. */
async function read(pieces: (string | Uint8Array)[], maxBytes = 1_000) {
  const left = pieces.map((piece) =>
    typeof piece === "string" ? new TextEncoder().encode(piece) : piece
  );
  const next = () => Promise.resolve(left.shift() ?? null);
  const { status, headers, text } = await readHttpAnswer(next, maxBytes);
  return { status, text, retryAfter: headers.get("retry-after") };
}

const OK = "HTTP/1.1 200 OK\r\n";

Deno.test("an answer is read by its length, by its chunks, or to the end of the connection", async () => {
  const expected = { status: 200, text: "gone fishing", retryAfter: "7" };
  const head = `${OK}Retry-After: 7\r\n`;
  for (
    const answer of [
      `${head}content-length: 12\r\n\r\ngone fishing, and more`,
      `${head}Transfer-Encoding: chunked\r\n\r\n4\r\ngone\r\n8;a=b\r\n fishing\r\n0\r\n\r\n`,
      `${head}\r\ngone fishing`,
      `${head.replaceAll("\r", "")}\ngone fishing`,
    ]
  ) {
    assert.deepEqual(await read([answer]), expected, answer);
    assert.deepEqual(await read([...answer]), expected, `${answer} in single bytes`);
  }
});

Deno.test("interim answers are passed over, and an answer without a body has none", async () => {
  const early = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n";
  assert.deepEqual(await read([`${early}HTTP/1.1 204 No Content\r\n\r\n`]), {
    status: 204,
    text: "",
    retryAfter: null,
  });
});

Deno.test("no more of a body is read than may be, however it is told", async () => {
  const long = "x".repeat(50);
  for (
    const answer of [
      `${OK}content-length: 999999999\r\n\r\n${long}`,
      `${OK}transfer-encoding: chunked\r\n\r\n5\r\nxxxxx\r\nffffff\r\n${long}`,
      `${OK}\r\n${long}`,
    ]
  ) assert.equal((await read([answer], 20)).text, "x".repeat(20), answer);
});

Deno.test("what is no HTTP, breaks off or never ends is an error", async () => {
  const answers: [answer: string, error: RegExp][] = [
    ["", /ended early/],
    ["SSH-2.0-OpenSSH_9.6\r\n", /not HTTP\/1\.1/],
    ["HTTP/2 200\r\n\r\n", /not HTTP\/1\.1/],
    ["HTTP/1.1 2000 OK\r\n\r\n", /not HTTP\/1\.1/],
    ["HTTP/1.1 99 no\r\n\r\n", /not HTTP\/1\.1/],
    [OK, /ended early/],
    [`${OK}no colon\r\n\r\n`, /header without a name/],
    [`${OK}a: b\r\n continued\r\n\r\n`, /header/],
    [`${OK}a b: c\r\n\r\n`, /header/],
    [`${OK}x: ${"y".repeat(40_000)}\r\n\r\n`, /line of over/],
    [OK + "a: b\r\n".repeat(10_000), /line of over/],
    ["HTTP/1.1 100 Continue\r\n\r\n".repeat(20), /nothing but interim/],
    [`${OK}content-length: 10\r\n\r\nshort`, /before its length/],
    [`${OK}content-length: -1\r\n\r\n`, /no length/],
    [`${OK}content-length: 5\r\ncontent-length: 6\r\n\r\nhello`, /no length/],
    [`${OK}transfer-encoding: gzip\r\n\r\n`, /transfer coding "gzip"/],
    [`${OK}transfer-encoding: chunked\r\n\r\nzz\r\n`, /chunk without a size/],
    [`${OK}transfer-encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n`, /longer than it said/],
    [`${OK}transfer-encoding: chunked\r\n\r\n5\r\nabc`, /within a chunk/],
    [`${OK}transfer-encoding: chunked\r\n\r\n${"0".repeat(2_000)}`, /line of over/],
  ];
  for (const [answer, error] of answers) {
    await assert.rejects(read([answer]), error, JSON.stringify(answer.slice(0, 80)));
  }
});

Deno.test("whatever comes is an answer within the limit, or an error", async () => {
  const part = fc.oneof(
    fc.constantFrom(OK, "\r\n", "\n", "transfer-encoding: chunked\r\n", "content-length: 3\r\n"),
    fc.constantFrom("HTTP/1.1 100 \r\n\r\n", "3\r\nabc\r\n", "0\r\n\r\n", "ffffffffff\r\n", ": "),
    fc.uint8Array({ maxLength: 20 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 12 }), async (pieces) => {
      const answer = await read(pieces, 10).catch((error: unknown) => {
        assert.ok(error instanceof Error);
        return null;
      });
      if (answer === null) return;
      assert.ok(answer.status >= 200 && answer.status <= 599);
      assert.ok(
        new TextEncoder().encode(answer.text).length <= 30,
        "at most 3 bytes for a bad one",
      );
    }),
    { numRuns: 500 },
  );
});
