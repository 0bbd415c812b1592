// Where the boxes and lines of a graph of steps go. The layout is loaded when the first graph is shown, and
// done once for graphs of the same shape, so that a poll that changes no step moves nothing.

export interface GraphBox {
  id: string;
  width: number;
  height: number;
}

export interface GraphLine {
  from: string;
  to: string;
}

interface Point {
  x: number;
  y: number;
}

export interface GraphLayout {
  /** The middle of each box. */
  nodes: Record<string, Point>;
  /** In the order given; the first and the last point lie on the boxes' edges. */
  edges: (GraphLine & { points: Point[] })[];
  width: number;
  height: number;
}

/** The way that the lines run. */
export type GraphDirection = "right" | "down";

const KEPT_LAYOUTS = 20;
const layouts = new Map<string, Promise<GraphLayout>>();

/** Lines from or to boxes that are not there are left out. */
export function layoutGraph(
  nodes: GraphBox[],
  edges: GraphLine[],
  direction: GraphDirection = "right",
): Promise<GraphLayout> {
  const content = JSON.stringify([
    direction,
    nodes.map(({ id, width, height }) => [id, width, height]),
    edges.map(({ from, to }) => [from, to]),
  ]);
  const known = layouts.get(content);
  if (known !== undefined) return known;
  const layout = computeLayout(nodes, edges, direction);
  layouts.set(content, layout);
  // A file that could not be loaded is asked for again by the next graph.
  layout.catch(() => layouts.delete(content));
  if (layouts.size > KEPT_LAYOUTS) {
    layouts.delete(layouts.keys().next().value!);
  }
  return layout;
}

async function computeLayout(
  nodes: GraphBox[],
  edges: GraphLine[],
  direction: GraphDirection,
): Promise<GraphLayout> {
  const { graphlib, layout } = await import("@dagrejs/dagre");
  const graph = new graphlib.Graph();
  graph.setGraph({
    rankdir: direction === "right" ? "LR" : "TB",
    nodesep: 20,
    ranksep: 44,
    marginx: 8,
    marginy: 8,
  });
  for (const { id, width, height } of nodes) {
    graph.setNode(id, { width, height });
  }
  const drawn = edges.filter(({ from, to }) => graph.hasNode(from) && graph.hasNode(to));
  for (const { from, to } of drawn) graph.setEdge(from, to, {});
  layout(graph);
  const { width = 0, height = 0 } = graph.graph() as {
    width?: number;
    height?: number;
  };
  return {
    nodes: Object.fromEntries(nodes.map(({ id }) => {
      const { x, y } = graph.node(id) as Point;
      return [id, { x, y }];
    })),
    edges: drawn.map(({ from, to }) => ({
      from,
      to,
      points: (graph.edge(from, to) as { points: Point[] }).points,
    })),
    width: Number.isFinite(width) ? width : 0,
    height: Number.isFinite(height) ? height : 0,
  };
}
