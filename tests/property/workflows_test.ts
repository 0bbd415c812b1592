// The random cases by themselves: a property test finds only what its cases can meet.
import assert from "node:assert/strict";
import fc from "fast-check";
import { isUndo } from "./case.ts";
import { Model } from "./model.ts";
import { play } from "./play.ts";
import { cases } from "./workflows.ts";

const SAMPLE = { numRuns: 1_000, seed: 1 };

/** Everything that a case is there to meet; `s` is a step, `h` a step of on_failure. */
const ENDS = [
  "run: success",
  "run: failed",
  "run: cancelled",
  "run: skipped",
  "$start: dead (lease_expired)",
  "$failure: dead (lease_expired)",
  "$failure: skipped (condition)",
  "$failure: success",
  "s: skipped (condition)",
  "s: skipped (dependency)",
  "s: skipped (upstream_failed)",
  "s: dead (http_4xx)",
  "s: dead (http_5xx)",
  "s: dead (items_failed)",
  "s: dead (lease_expired)",
  "s: cancelled",
  "item: success",
  "item: dead (lease_expired)",
  "item: cancelled",
  "undo: success",
  "undo: dead (http_5xx)",
  "undo: cancelled",
  "h: success",
  "h: skipped (condition)",
  "h: skipped (upstream_failed)",
  "h: dead (items_failed)",
  "h: cancelled",
];

Deno.test("the random cases meet every end that there is, and none is left hanging", async () => {
  const seen = new Set<string>();
  for (const it of fc.sample(cases, SAMPLE)) {
    const lines = await play(it, new Model(it));
    const at = lines.indexOf("over");
    assert.notEqual(at, -1, lines.join("\n"));
    for (const line of lines.slice(at + 1)) seen.add(readEnd(line));
  }
  assert.deepEqual(ENDS.filter((end) => !seen.has(end)), []);
});

Deno.test("the random cases use every word of the language that they are about", () => {
  const text = JSON.stringify(fc.sample(cases, SAMPLE));
  const words = [
    ...["join", "if", "else_of", "for_each", "max_concurrency", "success", "continue_on_error"],
    ...["compensate", "on_failure", "any_success", "all_success", "none_failed", "all_done"],
    ...["at_least", "percent", "event.payload.gate", ".status == "],
  ];
  assert.deepEqual(words.filter((word) => !text.includes(word)), []);
});

/** `s3#2: dead (http_5xx) after 2 attempts` becomes `item: dead (http_5xx)`. */
function readEnd(line: string): string {
  const [, name, end] = line.match(/^(.+?): (\w+(?: \(\w+\))?)/)!;
  if (isUndo(name)) return `undo: ${end}`;
  if (name.includes("#")) return `item: ${end}`;
  return `${/^[sh]\d/.test(name) ? name[0] : name}: ${end}`;
}
