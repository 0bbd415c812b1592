import assert from "node:assert/strict";
import fc from "fast-check";
import { closeGraph } from "./closure.ts";

Deno.test("a node depends on what its dependencies depend on, and not on itself", () => {
  const closure = closeGraph([[], [0], [1], []]);
  assert.deepEqual(
    [closure.has(2, 0), closure.has(2, 1), closure.has(0, 2), closure.has(2, 2), closure.has(2, 3)],
    [true, true, false, false, false],
  );
});

Deno.test("the closure is what a walk over the edges finds", () => {
  const graph = fc.integer({ min: 1, max: 70 }).chain((size) =>
    fc.tuple(
      ...Array.from({ length: size }, (_, node) =>
        node === 0
          ? fc.constant<number[]>([])
          : fc.uniqueArray(fc.nat(node - 1), { maxLength: 3 })),
    )
  );
  fc.assert(fc.property(graph, (edges) => {
    const closure = closeGraph(edges);
    for (const start of edges.keys()) {
      const seen = new Set<number>();
      const open = [...edges[start]];
      for (let node = open.pop(); node !== undefined; node = open.pop()) {
        if (seen.has(node)) continue;
        seen.add(node);
        open.push(...edges[node]);
      }
      for (const other of edges.keys()) assert.equal(closure.has(start, other), seen.has(other));
    }
  }));
});
