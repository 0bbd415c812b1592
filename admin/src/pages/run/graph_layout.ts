// The boxes of a run's graph: its steps in one lane, and what runs when it fails in a lane of its own below.
import { useEffect, useState } from "preact/hooks";
import { type GraphDirection, type GraphLayout, layoutGraph } from "../../ui/layout_graph.ts";
import type { ShownStep } from "./steps.ts";

export const BOX_WIDTH = 196;
export const BOX_HEIGHT = 62;
const LANE_GAP = 56;

export interface LaidOutGraph {
  /** The upper left corner of each step's box. */
  places: Record<string, { x: number; y: number }>;
  lines: { from: string; to: string; path: string }[];
  width: number;
  height: number;
  /** Where the lane of the handlers begins; null if none of them is there. */
  handlersAt: number | null;
}

export interface GraphState {
  graph: LaidOutGraph | null;
  error: Error | null;
}

/** Lays out again only when there are other steps, not when they change. */
export function useGraphLayout(
  steps: ShownStep[],
  direction: GraphDirection,
): GraphState {
  const [state, setState] = useState<GraphState>({ graph: null, error: null });
  const shape = JSON.stringify(
    steps.map(({ job, needs }) => [job.step_id, job.phase, needs]),
  );
  useEffect(() => {
    let isOver = false;
    layOut(steps, direction).then(
      (graph) => isOver || setState({ graph, error: null }),
      (error) => isOver || setState({ graph: null, error }),
    );
    return () => void (isOver = true);
  }, [shape, direction]);
  return state;
}

async function layOut(
  steps: ShownStep[],
  direction: GraphDirection,
): Promise<LaidOutGraph> {
  const isMain = ({ job }: ShownStep) => job.phase === "main";
  const main = await layOutLane(steps.filter(isMain), direction);
  const handlers = steps.filter((step) => !isMain(step));
  const lower = await layOutLane(handlers, direction);
  const handlersAt = handlers.length === 0 ? null : main.height + LANE_GAP;
  return {
    places: {
      ...findCorners(main, 0),
      ...findCorners(lower, handlersAt ?? 0),
    },
    lines: [
      ...drawLines(main, 0, direction),
      ...drawLines(lower, handlersAt ?? 0, direction),
    ],
    width: Math.max(main.width, lower.width),
    height: handlersAt === null ? main.height : handlersAt + lower.height,
    handlersAt,
  };
}

function layOutLane(
  steps: ShownStep[],
  direction: GraphDirection,
): Promise<GraphLayout> {
  return layoutGraph(
    steps.map(({ job }) => ({
      id: job.step_id,
      width: BOX_WIDTH,
      height: BOX_HEIGHT,
    })),
    steps.flatMap(({ job, needs }) => needs.map((from) => ({ from, to: job.step_id }))),
    direction,
  );
}

function findCorners({ nodes }: GraphLayout, top: number) {
  return Object.fromEntries(
    Object.entries(nodes).map(([id, { x, y }]) => [
      id,
      { x: x - BOX_WIDTH / 2, y: top + y - BOX_HEIGHT / 2 },
    ]),
  );
}

function drawLines(
  { nodes, edges }: GraphLayout,
  top: number,
  direction: GraphDirection,
) {
  return edges.map(({ from, to, points }) => {
    // From side to side, by way of the gaps that a long line was led through.
    const way = [
      nodes[from],
      ...(points.length > 3 ? points.slice(1, -1) : []),
      nodes[to],
    ].map(({ x, y }) => ({ x, y: y + top }));
    const [first, last] = [way[0], way.at(-1)!];
    if (direction === "right") {
      first.x += BOX_WIDTH / 2;
      last.x -= BOX_WIDTH / 2;
    } else {
      first.y += BOX_HEIGHT / 2;
      last.y -= BOX_HEIGHT / 2;
    }
    return { from, to, path: drawCurve(way, direction) };
  });
}

/** Leaves and reaches each point in the direction that the graph runs. */
function drawCurve(
  way: { x: number; y: number }[],
  direction: GraphDirection,
): string {
  const write = (x: number, y: number) => `${x.toFixed(1)} ${y.toFixed(1)}`;
  return way.map(({ x, y }, index) => {
    if (index === 0) return `M${write(x, y)}`;
    const before = way[index - 1];
    const middle = direction === "right" ? (before.x + x) / 2 : (before.y + y) / 2;
    return direction === "right"
      ? `C${write(middle, before.y)} ${write(middle, y)} ${write(x, y)}`
      : `C${write(before.x, middle)} ${write(x, middle)} ${write(x, y)}`;
  }).join("");
}
