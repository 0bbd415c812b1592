// The graph of a run with live status. Its places are computed once per set of steps; a poll changes the
// nodes that changed. One Tab reaches it, arrow keys walk it in topological order, Enter opens a step.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { html } from "../../html.ts";
import { NotYet } from "../../ui/states.ts";
import { GraphNode } from "./graph_node.ts";
import { type LaidOutGraph, useGraphLayout } from "./graph_layout.ts";
import { describeKind, describeProgress } from "./node_text.ts";
import { usePanZoom } from "./pan_zoom.ts";
import { countItems, type ShownStep } from "./steps.ts";

const NARROW_PX = 640;

export interface RunGraphProps {
  steps: ShownStep[];
  selected: string | undefined;
  select: (stepId: string) => void;
}

export function RunGraph({ steps, selected, select }: RunGraphProps) {
  const [direction] = useState(() => innerWidth < NARROW_PX ? "down" as const : "right" as const);
  const { graph, error } = useGraphLayout(steps, direction);
  const { box, zoom, zoomIn, zoomOut, fit } = usePanZoom(graph?.width ?? 0);
  const [focused, setFocused] = useState<string>();
  const ordered = useMemo(() => orderLanes(steps), [steps]);
  const ids = ordered.map(({ job }) => job.step_id);
  const reachable = [focused, selected].find((id) => id !== undefined && ids.includes(id)) ??
    ids[0];
  useShownAtFirst(box, graph, selected, zoom);

  const walk = (event: KeyboardEvent) => {
    const here = ids.indexOf(readStep(event) ?? "");
    const next = { ArrowRight: here + 1, ArrowDown: here + 1, Home: 0 }[
      event.key
    ] ??
      { ArrowLeft: here - 1, ArrowUp: here - 1, End: ids.length - 1 }[
        event.key
      ];
    if (here < 0 || next === undefined) return;
    event.preventDefault();
    const nodes = box.current!.querySelectorAll<HTMLElement>("[data-step]");
    nodes[Math.min(ids.length - 1, Math.max(0, next))]?.focus();
  };

  return html`
    <div class="graph">
      <div class="graph-tools" role="group" aria-label="Zoom">
        <button type="button" aria-label="Smaller" onClick=${zoomOut}>−</button>
        <button type="button" aria-label="Larger" onClick=${zoomIn}>+</button>
        <button type="button" onClick=${fit}>Fit</button>
        <span class="muted small">${Math.round(zoom * 100)} %</span>
      </div>
      <div
        ref=${box}
        class="graph-box"
        role="group"
        aria-label="Steps as a graph; arrow keys go from step to step"
        onClick=${(event: Event) => {
          const step = readStep(event);
          if (step !== null) select(step);
        }}
        onFocusIn=${(event: Event) => setFocused(readStep(event) ?? undefined)}
        onKeyDown=${walk}
      >
        ${graph === null ? html`<${NotYet} what="the graph" error=${error} />` : html`
          <div class="graph-size" style=${{
            width: `${graph.width * zoom}px`,
            height: `${graph.height * zoom}px`,
          }}>
            <div class="graph-content" style=${{
              width: `${graph.width}px`,
              height: `${graph.height}px`,
              transform: `scale(${zoom})`,
            }}>
              <${Lines} graph=${graph} steps=${steps} />
              ${graph.handlersAt !== null && html`
                <p class="lane" style=${{
                  top: `${graph.handlersAt - 40}px`,
                }}>
                  When the run fails
                </p>
              `}
              ${ordered.map(({ job }) => {
                const place = graph.places[job.step_id];
                if (place === undefined) return null;
                const items = countItems(job);
                return html`
                  <${GraphNode}
                    key=${job.step_id}
                    stepId=${job.step_id}
                    x=${place.x}
                    y=${place.y}
                    status=${job.status}
                    kind=${describeKind(job)}
                    progress=${describeProgress(job)}
                    isHandler=${job.phase !== "main"}
                    isSelected=${job.step_id === selected}
                    isReachable=${job.step_id === reachable}
                    percentDone=${items?.percentDone ?? null}
                    percentFailed=${items?.percentFailed ?? null}
                  />
                `;
              })}
            </div>
          </div>
        `}
      </div>
    </div>
  `;
}

/** As they are drawn, and walked by keys: the handlers' lane last. */
function orderLanes(steps: ShownStep[]): ShownStep[] {
  return [
    ...steps.filter(({ job }) => job.phase === "main"),
    ...steps.filter(({ job }) => job.phase !== "main"),
  ];
}

function readStep(event: Event): string | null {
  const node = (event.target as Element).closest<HTMLElement>("[data-step]");
  return node?.dataset.step ?? null;
}

function Lines({ graph, steps }: { graph: LaidOutGraph; steps: ShownStep[] }) {
  const statuses = Object.fromEntries(
    steps.map(({ job }) => [job.step_id, job.status]),
  );
  const describe = ({ from, to }: { from: string; to: string }) =>
    statuses[to] === "skipped" || statuses[to] === "cancelled"
      ? "is-off"
      : statuses[from] === "success"
      ? "is-done"
      : "";
  const classes = graph.lines.map(describe);
  return useMemo(() =>
    html`
      <svg class="lines" width=${graph.width} height=${graph.height}
        aria-hidden="true">
        <defs>
          <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7"
            markerHeight="7" orient="auto">
            <path d="M0 0L8 4L0 8z" />
          </marker>
        </defs>
        ${graph.lines.map(({ from, to, path }, index) =>
          html`
            <path key=${`${from}>${to}`} class=${classes[index]} d=${path}
              marker-end="url(#arrow)" />
          `
        )}
      </svg>
    `, [graph, classes.join()]);
}

/** A link to a step shows the part of the graph that it is in; later clicks move nothing. */
function useShownAtFirst(
  box: { current: HTMLDivElement | null },
  graph: LaidOutGraph | null,
  selected: string | undefined,
  zoom: number,
): void {
  const isDone = useRef(false);
  useEffect(() => {
    const place = graph?.places[selected ?? ""];
    if (graph === null || box.current === null || isDone.current) return;
    isDone.current = true;
    if (place === undefined) return;
    const { clientWidth, clientHeight } = box.current;
    box.current.scrollTo(
      place.x * zoom - clientWidth / 3,
      place.y * zoom - clientHeight / 3,
    );
  }, [graph]);
}
