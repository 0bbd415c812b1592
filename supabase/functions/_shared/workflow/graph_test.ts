import assert from "node:assert/strict";
import fc from "fast-check";
import { findCycles, invertEdges, orderNodes } from "./graph.ts";

/** Edges that only point to nodes earlier in a hidden random order: never a cycle. */
const randomDag = fc.integer({ min: 1, max: 60 }).chain((size) =>
  fc.tuple(
    fc.shuffledSubarray(Array.from({ length: size }, (_, node) => node), { minLength: size }),
    fc.array(fc.tuple(fc.nat(size - 1), fc.nat(size - 1)), { maxLength: 200 }),
  ).map(([hidden, pairs]) => {
    const edges: Set<number>[] = hidden.map(() => new Set());
    for (const [a, b] of pairs) {
      if (a !== b) edges[hidden[Math.max(a, b)]].add(hidden[Math.min(a, b)]);
    }
    return edges.map((set) => [...set]);
  })
);

const randomGraph = fc.integer({ min: 1, max: 30 }).chain((size) =>
  fc.array(fc.uniqueArray(fc.nat(size - 1), { maxLength: 4 }), {
    minLength: size,
    maxLength: size,
  })
);

Deno.test("the order has every node once, after everything that it depends on", () => {
  fc.assert(fc.property(randomDag, (edges) => {
    const order = orderNodes(edges);
    assert.deepEqual(order.toSorted((a, b) => a - b), edges.map((_, node) => node));
    const place = new Map(order.map((node, index) => [node, index]));
    for (const [node, list] of edges.entries()) {
      for (const dependency of list) assert.ok(place.get(dependency)! < place.get(node)!);
    }
  }));
});

Deno.test("nodes without dependencies keep their own order", () => {
  assert.deepEqual(orderNodes([[], [], []]), [0, 1, 2]);
  assert.deepEqual(orderNodes([[2], [], [], [1]]), [1, 2, 3, 0]);
});

Deno.test("dependents mirror dependencies", () => {
  fc.assert(fc.property(randomDag, (edges) => {
    const dependents = invertEdges(edges);
    for (const node of edges.keys()) {
      for (const other of edges.keys()) {
        assert.equal(edges[node].includes(other), dependents[other].includes(node));
      }
    }
  }));
});

Deno.test("a graph that can be ordered has no cycle", () => {
  fc.assert(fc.property(randomDag, (edges) => assert.deepEqual(findCycles(edges), [])));
});

Deno.test("every found cycle is one, and none is found only where there is none", () => {
  fc.assert(fc.property(randomGraph, (edges) => {
    const cycles = findCycles(edges);
    for (const cycle of cycles) {
      assert.ok(cycle.length >= 2);
      assert.equal(new Set(cycle).size, cycle.length);
      for (const [index, node] of cycle.entries()) {
        assert.ok(edges[node].includes(cycle[(index + 1) % cycle.length]));
      }
      assert.equal(cycle[0], Math.min(...cycle));
    }
    const members = cycles.flat();
    assert.equal(new Set(members).size, members.length);
    const withoutLoops = edges.map((list, node) => list.filter((target) => target !== node));
    const isAcyclic = orderNodes(withoutLoops).length === edges.length;
    assert.equal(cycles.length === 0, isAcyclic);
  }));
});

Deno.test("two separate cycles are both found", () => {
  assert.deepEqual(findCycles([[1], [0], [3], [4], [2], []]), [[0, 1], [2, 3, 4]]);
});

Deno.test("a node that depends on itself is no cycle of others, and those behind it are none", () => {
  assert.deepEqual(findCycles([[0], [0]]), []);
});

Deno.test("a cycle through 5,000 nodes is found without recursion", () => {
  const ring = Array.from({ length: 5_000 }, (_, node) => [(node + 1) % 5_000]);
  assert.equal(findCycles(ring)[0].length, 5_000);
});
