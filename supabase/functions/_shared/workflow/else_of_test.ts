import assert from "node:assert/strict";
import { countDependencies, MAX_ELSE_CHAIN, resolveBranches } from "./else_of.ts";

const branch = (
  id: string,
  dependsOn: string[],
  elseOf: string | null,
  join: string | null = null,
) => ({
  id,
  dependsOn,
  elseOf,
  hasCondition: true,
  join,
});

Deno.test("an else has its own dependencies and those of all before it, each once", () => {
  const [, , last] = resolveBranches([
    branch("a", ["x", "y"], null, "all_done"),
    branch("b", ["y", "z"], "a"),
    branch("c", ["w"], "b"),
  ]);
  assert.deepEqual(last, { dependsOn: ["w", "y", "z", "x"], unless: [0, 1], join: "all_done" });
});

Deno.test("the nearest join counts", () => {
  const resolved = resolveBranches([
    branch("a", [], null, "all_done"),
    branch("b", [], "a", "none_failed"),
    branch("c", [], "b"),
  ]);
  assert.deepEqual(resolved.map(({ join }) => join), ["all_done", "none_failed", "none_failed"]);
});

Deno.test("circles, unknown names and endless chains are cut", () => {
  const circle = resolveBranches([branch("a", ["x"], "b"), branch("b", ["y"], "a")]);
  assert.deepEqual(circle.map(({ dependsOn }) => dependsOn), [["x", "y"], ["y", "x"]]);
  assert.deepEqual(resolveBranches([branch("a", [], "nobody")])[0].unless, []);
  const chain = Array.from(
    { length: 500 },
    (_, at) => branch(`s${at}`, [], at === 0 ? null : `s${at - 1}`),
  );
  assert.equal(resolveBranches(chain)[499].unless.length, MAX_ELSE_CHAIN + 1);
});

Deno.test("dependencies are counted with those that are taken over", () => {
  assert.equal(countDependencies([branch("a", ["x", "y"], null), branch("b", ["z"], "a")]), 5);
});
