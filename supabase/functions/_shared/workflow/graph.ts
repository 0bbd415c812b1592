// The dependency graph of a workflow: topological order and cycles, both linear in steps and edges
// and without recursion, since a chain may be 5,000 steps long. Pure.

/**
 * Kahn's order of the nodes 0..n-1: every node after all of `dependencies[node]`, ties in the
 * nodes' own order. Shorter than n where there are cycles: their nodes and all behind are missing.
 */
export function orderNodes(dependencies: readonly (readonly number[])[]): number[] {
  const dependents = invertEdges(dependencies);
  const open = dependencies.map((list) => list.length);
  const order = open.flatMap((count, node) => count === 0 ? [node] : []);
  for (let next = 0; next < order.length; next++) {
    for (const dependent of dependents[order[next]]) {
      if (--open[dependent] === 0) order.push(dependent);
    }
  }
  return order;
}

/** For each node the nodes that depend on it, in their own order. */
export function invertEdges(dependencies: readonly (readonly number[])[]): number[][] {
  const dependents: number[][] = dependencies.map(() => []);
  for (const [node, list] of dependencies.entries()) {
    for (const dependency of list) dependents[dependency].push(node);
  }
  return dependents;
}

/**
 * Cycles of two and more nodes, each as the nodes in the order of "depends on" without the first
 * one repeated. At least one for every knot of cycles, and none that shares a node with another.
 */
export function findCycles(dependencies: readonly (readonly number[])[]): number[][] {
  const isOrdered = new Set(orderNodes(dependencies));
  const cycles: number[][] = [];
  const isSeen = new Set<number>();
  const isReported = new Set<number>();
  for (let start = 0; start < dependencies.length; start++) {
    if (isOrdered.has(start) || isSeen.has(start)) continue;
    const trail: { node: number; edge: number }[] = [{ node: start, edge: 0 }];
    const depthOf = new Map([[start, 0]]);
    isSeen.add(start);
    while (trail.length > 0) {
      const top = trail[trail.length - 1];
      const next = dependencies[top.node][top.edge++];
      if (next === undefined) {
        depthOf.delete(top.node);
        trail.pop();
        continue;
      }
      const depth = depthOf.get(next);
      if (depth !== undefined && next !== top.node) {
        const cycle = trail.slice(depth).map(({ node }) => node);
        if (!cycle.some((node) => isReported.has(node))) {
          cycles.push(startAtSmallest(cycle));
          for (const node of cycle) isReported.add(node);
        }
      } else if (!isSeen.has(next) && !isOrdered.has(next)) {
        isSeen.add(next);
        depthOf.set(next, trail.length);
        trail.push({ node: next, edge: 0 });
      }
    }
  }
  return cycles;
}

function startAtSmallest(cycle: number[]): number[] {
  let smallest = 0;
  for (const [index, node] of cycle.entries()) {
    if (node < cycle[smallest]) smallest = index;
  }
  return [...cycle.slice(smallest), ...cycle.slice(0, smallest)];
}
