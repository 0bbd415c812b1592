import assert from "node:assert/strict";
import { compareTexts, countChanges, foldUnchanged } from "./diff_lines.ts";

const lines = (count: number, name = "line") =>
  Array.from({ length: count }, (_, index) => `${name} ${index + 1}\n`);

Deno.test("a changed line is told as removed and added, with its number on each side", () => {
  const compared = compareTexts("a\nb\nc\n", "a\nB\nc\n");
  assert.deepEqual(
    compared.map(({ kind, before, after, text }) => [
      kind,
      before,
      after,
      text,
    ]),
    [
      ["same", 1, 1, "a"],
      ["removed", 2, null, "b"],
      ["added", null, 2, "B"],
      ["same", 3, 3, "c"],
    ],
  );
  assert.deepEqual(countChanges(compared), { added: 1, removed: 1 });
});

Deno.test("unchanged stretches are folded but for three lines around a change", () => {
  const before = lines(30);
  const after = before.with(14, "changed\n");
  const parts = foldUnchanged(compareTexts(before.join(""), after.join("")));
  assert.deepEqual(parts.map(({ kind, lines }) => [kind, lines.length]), [
    ["fold", 11],
    ["lines", 8],
    ["fold", 12],
  ]);
});

Deno.test("a single unchanged line is shown instead of folded", () => {
  const before = lines(10);
  const after = before.with(0, "first\n").with(8, "ninth\n");
  const parts = foldUnchanged(compareTexts(before.join(""), after.join("")));
  assert.deepEqual(parts.map(({ kind }) => kind), ["lines"]);
});

Deno.test("a text without a line break at its end loses no line", () => {
  const compared = compareTexts("a\nb", "a\nb\nc");
  assert.deepEqual(
    compared.filter(({ kind }) => kind === "added").map(({ text }) => text),
    ["b", "c"],
  );
  assert.deepEqual(compareTexts("", ""), []);
});

Deno.test("two texts with nothing in common are told whole, and soon", () => {
  const before = lines(20_000, "old").join("");
  const after = lines(20_000, "new").join("");
  const startedAt = performance.now();
  assert.deepEqual(countChanges(compareTexts(before, after)), {
    added: 20_000,
    removed: 20_000,
  });
  assert.ok(performance.now() - startedAt < 5_000);
});
