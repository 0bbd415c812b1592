// One step in the graph: a button with its status as shape and word. Drawn anew only when what it shows
// changes, so that a poll of many steps costs little.
import { useMemo } from "preact/hooks";
import type { JobStatus } from "../../../../supabase/functions/_shared/contract/statuses.ts";
import { html } from "../../html.ts";
import { statusClass, statusShape, statusWord } from "../../ui/status.ts";

export interface GraphNodeProps {
  stepId: string;
  x: number;
  y: number;
  status: JobStatus;
  kind: string;
  progress: string;
  isHandler: boolean;
  isSelected: boolean;
  isReachable: boolean;
  /** Of a fan-out; null: the step is none. */
  percentDone: number | null;
  percentFailed: number | null;
}

export function GraphNode(props: GraphNodeProps) {
  const { stepId, x, y, status, percentDone, percentFailed } = props;
  return useMemo(() =>
    html`
      <button
        type="button"
        class="node ${statusClass(status)} ${props.isHandler
          ? "is-handler"
          : ""} ${percentDone === null ? "" : "is-fan-out"}"
        style=${{ left: `${x}px`, top: `${y}px` }}
        data-step=${stepId}
        tabindex=${props.isReachable ? 0 : -1}
        aria-pressed=${props.isSelected}
        title=${stepId}
      >
        <svg class="node-shape" viewBox="0 0 16 16" aria-hidden="true">
          <path fill-rule="evenodd" d=${statusShape(status)} />
        </svg>
        <span class="node-name">${stepId}</span>
        <span class="node-kind">${props.kind}</span>
        <span class="node-status">${statusWord(status)}</span>
        <span class="node-progress">${props.progress}</span>
        ${percentDone === null ? null : html`
          <span class="node-bar" aria-hidden="true">
            <span class="bar-good" style=${{ width: `${percentDone}%` }}></span>
            <span class="bar-bad" style=${{
              width: `${percentFailed ?? 0}%`,
            }}></span>
          </span>
        `}
      </button>
    `, Object.values(props));
}
