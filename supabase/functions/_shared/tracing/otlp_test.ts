import assert from "node:assert/strict";
import { readOutcome } from "./otlp.ts";

Deno.test("what passes is tried again, when the receiver says", () => {
  for (const status of [429, 500, 502, 503, 504]) {
    assert.equal(readOutcome(status, null, "").kind, "retry");
  }
  const outcome = readOutcome(503, "30", "busy");
  assert.deepEqual(outcome, {
    kind: "retry",
    afterMs: 30_000,
    message: "the receiver answered 503: busy",
  });
});

Deno.test("a refusal is for ever, and tells whether what was sent is at fault", () => {
  const isBody = (status: number) => {
    const outcome = readOutcome(status, null, "");
    return outcome.kind === "refused" && outcome.isBody;
  };
  assert.deepEqual([400, 413, 401, 404, 302].map(isBody), [true, true, false, false, false]);
});

Deno.test("a success may say what it did not take", () => {
  const text = '{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}';
  assert.deepEqual(readOutcome(200, null, text), { kind: "sent", rejected: 3, message: "too old" });
  for (const other of ["", "{}", "\u0001"]) {
    assert.deepEqual(readOutcome(200, null, other), { kind: "sent", rejected: 0, message: "" });
  }
});
