import assert from "node:assert/strict";
import { PARTS, readBenchSettings } from "./settings.ts";

Deno.test("a full run has every part and at least five repeats", () => {
  const settings = readBenchSettings([])!;
  assert.deepEqual(settings.parts, [...PARTS]);
  assert.ok(settings.repeats >= 5 && settings.isWhole);
  assert.equal(settings.budgetS, Infinity);
});

Deno.test("a quick run keeps a budget under two minutes and leaves out what cannot fit", () => {
  const settings = readBenchSettings(["--quick"])!;
  assert.ok(settings.budgetS < 120);
  assert.ok(settings.isWhole);
  for (const part of ["soak", "memory", "backlog"] as const) {
    assert.ok(!settings.parts.includes(part), part);
  }
});

Deno.test("some parts alone are not the whole and never stand for it", () => {
  const settings = readBenchSettings(["--only=peers,core", "--quick"])!;
  assert.deepEqual(settings.parts, ["core", "peers"]);
  assert.equal(settings.isWhole, false);
});

Deno.test("a part that does not exist is refused, also beside one that does", () => {
  for (const arg of ["--only=nothing", "--only=core,nothing", "--only=", "quick"]) {
    assert.throws(() => readBenchSettings([arg]), /cannot read the arguments: unknown/, arg);
  }
});
