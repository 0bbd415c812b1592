// A definition as a picture: a box for each step, in the order in which they run. The boxes are links in
// the order of the steps, so the keyboard goes through the graph as a reader would.
import { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type {
  CompiledStep,
  CompiledWorkflow,
} from "../../../../supabase/functions/_shared/contract/compiled_workflow.ts";
import { html } from "../../html.ts";
import { type GraphLayout, layoutGraph } from "../../ui/layout_graph.ts";
import { Failure, Loading } from "../../ui/states.ts";
import { describeAction, listMarks, nameStep } from "../../ui/workflow_words.ts";

const BOX_WIDTH = 190;
const BOX_HEIGHT = 50;
/** With a line of marks. */
const TALL_BOX_HEIGHT = 70;
const NARROW_PX = 640;
const ZOOMS = [0.4, 0.55, 0.7, 0.85, 1, 1.25, 1.5];
const WHOLE_SIZE = ZOOMS.indexOf(1);
/** A graph is not drawn smaller than this unless somebody asks. */
const READABLE = ZOOMS.indexOf(0.85);

interface Line {
  from: string;
  to: string;
}

export interface DefinitionGraphProps {
  compiled: CompiledWorkflow;
  selected: string | undefined;
  hrefOf: (stepId: string) => string;
}

export function DefinitionGraph(
  { compiled, selected, hrefOf }: DefinitionGraphProps,
) {
  const [layout, setLayout] = useState<GraphLayout | null>(null);
  const [failure, setFailure] = useState<Error | null>(null);
  const [tries, setTries] = useState(0);
  const [zoom, setZoom] = useState(WHOLE_SIZE);
  const box = useRef<HTMLDivElement>(null);
  const lines = useMemo(() => listLines(compiled.steps), [compiled]);
  useEffect(() => {
    let isOver = false;
    const nodes = compiled.steps.map((step) => ({
      id: step.step_id,
      width: BOX_WIDTH,
      height: heightOf(step),
    }));
    const direction = innerWidth < NARROW_PX ? "down" : "right";
    layoutGraph(nodes, lines, direction).then(
      (next) => isOver || (setLayout(next), setFailure(null)),
      (error) => isOver || setFailure(error),
    );
    return () => void (isOver = true);
  }, [compiled, lines, tries]);
  const isDrawn = layout !== null &&
    compiled.steps.every(({ step_id }) => step_id in layout.nodes);
  // The same drawing from poll to poll: what is the same object is not gone through again.
  const drawing = useMemo(() =>
    isDrawn && html`
      <${Lines} layout=${layout} steps=${compiled.steps} />
      ${compiled.steps.map((step) =>
        html`
          <${Box} key=${step.step_id} step=${step}
            at=${layout.nodes[step.step_id]} href=${hrefOf(step.step_id)}
            isSelected=${step.step_id === selected} />
        `
      )}
    `, [isDrawn, layout, compiled, selected]);
  const fit = (smallest: number) => {
    const room = box.current!.clientWidth / layout!.width;
    const fitting = ZOOMS.findLastIndex((factor) => factor <= room);
    setZoom(Math.min(WHOLE_SIZE, Math.max(smallest, fitting)));
  };
  useLayoutEffect(() => {
    if (isDrawn) fit(READABLE);
  }, [isDrawn]);
  if (failure !== null && !isDrawn) {
    return html`<${Failure} error=${failure} retry=${() => setTries(tries + 1)} />`;
  }
  if (!isDrawn) return html`<${Loading} what="the graph" />`;
  return html`
    <div class="graph-tools" role="group" aria-label="Size of the graph">
      <button type="button" aria-label="Smaller" disabled=${zoom === 0}
        onClick=${() => setZoom(zoom - 1)}>−</button>
      <button type="button" aria-label="Larger" disabled=${zoom ===
        ZOOMS.length - 1}
        onClick=${() => setZoom(zoom + 1)}>+</button>
      <button type="button" onClick=${() => fit(0)}>Fit</button>
    </div>
    <div class="definition-graph" ref=${box} role="region" tabindex="0"
      aria-label="Graph of the steps; the table below says the same">
      <div style=${{
        width: `${layout.width}px`,
        height: `${layout.height}px`,
        zoom: ZOOMS[zoom],
      }}>
        ${drawing}
      </div>
    </div>
  `;
}

function heightOf(step: CompiledStep): number {
  return listMarks(step).length === 0 ? BOX_HEIGHT : TALL_BOX_HEIGHT;
}

/** What handles a failure hangs on the failure step, though no line of the file says so. */
function listLines(steps: CompiledStep[]): Line[] {
  const failure = steps.find(({ kind }) => kind === "failure");
  return steps.flatMap((step) => {
    const needs = step.depends_on.map((stepNo) => steps[stepNo - 1].step_id);
    const isHandler = step.phase !== "main" && failure !== undefined;
    const from = isHandler && needs.length === 0 ? [failure.step_id] : needs;
    return from.map((id) => ({ from: id, to: step.step_id }));
  });
}

interface BoxProps {
  step: CompiledStep;
  at: { x: number; y: number };
  href: string;
  isSelected: boolean;
}

function Box({ step, at, href, isSelected }: BoxProps) {
  const height = heightOf(step);
  const marks = listMarks(step).join(" · ");
  return html`
    <a class="step-box is-${step.phase} kind-${step.kind}" href=${href}
      aria-current=${isSelected ? "true" : undefined}
      title=${[nameStep(step), describeAction(step), marks].join("\n").trim()}
      style=${{
        left: `${at.x - BOX_WIDTH / 2}px`,
        top: `${at.y - height / 2}px`,
        width: `${BOX_WIDTH}px`,
        height: `${height}px`,
      }}>
      <strong>${nameStep(step)}</strong>
      <span>${describeAction(step)}</span>
      ${marks !== "" && html`<span class="marks">${marks}</span>`}
    </a>
  `;
}

function Lines(
  { layout, steps }: { layout: GraphLayout; steps: CompiledStep[] },
) {
  const tip = useId();
  const isDashed = new Set(
    steps.filter(({ phase, kind }) => phase !== "main" || kind === "failure")
      .map(({ step_id }) => step_id),
  );
  return html`
    <svg class="graph-lines" width=${layout.width} height=${layout.height}
      aria-hidden="true">
      <marker id=${tip} viewBox="0 0 8 8" refX="7" refY="4"
        markerWidth="7" markerHeight="7" orient="auto">
        <path d="M0 0L8 4L0 8z" />
      </marker>
      ${layout.edges.map(({ from, to, points }) =>
        html`
          <path key=${`${from} ${to}`} d=${drawLine(points)}
            marker-end=${`url(#${tip})`}
            class=${isDashed.has(to) ? "line is-dashed" : "line"} />
        `
      )}
    </svg>
  `;
}

/** A line that bends at each point between its ends. */
function drawLine(points: { x: number; y: number }[]): string {
  const [first, ...rest] = points;
  const last = rest.at(-1)!;
  const bends = rest.slice(0, -1).map((point, index) => {
    const next = rest[index + 1];
    const end = index === rest.length - 2
      ? last
      : { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 };
    return `Q${point.x} ${point.y} ${end.x} ${end.y}`;
  });
  return `M${first.x} ${first.y}${bends.length === 0 ? `L${last.x} ${last.y}` : bends.join("")}`;
}
