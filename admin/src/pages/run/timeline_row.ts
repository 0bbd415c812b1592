// One row of the timeline: hatched where the step waited, filled where it ran, with a shape at the end of
// each attempt that failed.
import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import type { JobStatus } from "../../../../supabase/functions/_shared/contract/statuses.ts";
import { html } from "../../html.ts";
import { statusClass, statusShape, statusWord } from "../../ui/status.ts";
import { formatLocal, formatSpan, formatUtc } from "../../ui/time.ts";
import type { Span } from "./spans.ts";

/** What the axis runs from and to, in milliseconds since 1970. */
export interface Extent {
  from: number;
  to: number;
}

export interface TimelineRowProps {
  name: string;
  status: JobStatus;
  /** The same list while nothing has changed in it. */
  spans: Span[];
  /** The beginning of the axis; its length is the timeline's own to know. */
  from: number;
  isSelected: boolean;
  isItem?: boolean;
  select: () => void;
  children?: ComponentChildren;
}

export function TimelineRow(props: TimelineRowProps) {
  const { name, status, spans, from, isSelected, isItem, select } = props;
  return html`
    <li class="timeline-row ${isItem ? "is-item" : ""}">
      <span class="timeline-name">
        ${props.children}
        <button type="button" class="link mono" aria-pressed=${isSelected}
          title=${name} onClick=${select}>
          <svg class="${statusClass(status)} shape" viewBox="0 0 16 16"
            role="img" aria-label=${statusWord(status)}>
            <path fill-rule="evenodd" d=${statusShape(status)} />
          </svg>
          <span>${name}</span>
        </button>
      </span>
      <${Track} name=${name} status=${status} spans=${spans}
        from=${from} />
    </li>
  `;
}

type TrackProps = Pick<TimelineRowProps, "name" | "status" | "spans" | "from">;

/** Drawn again only when its spans change: that the axis grows is told to the browser in one place. */
function Track({ name, status, spans, from }: TrackProps) {
  return useMemo(() => {
    const text = spans.length === 0
      ? `${statusWord(status)}, nothing yet`
      : spans.map((span) => span.text).join(", ");
    return html`
      <span class="track" role="img" aria-label=${`${name}: ${text}`}>
        ${spans.map((span, index) => drawBar(span, index, from))}
      </span>
    `;
  }, [spans, name, status, from]);
}

function drawBar(span: Span, index: number, start: number) {
  const from = new Date(span.from).toISOString();
  const isOpen = span.outcome === "open";
  const tone = isOpen && span.kind === "running" ? "is-running" : TONES[span.outcome ?? "open"];
  return html`
    <span
      key=${index}
      class="span of-${span.kind} ${tone} ${isOpen ? "is-open" : ""}"
      style=${{ "--from": span.from - start, "--span": span.to - span.from }}
      title=${`${span.text}\nfrom ${formatLocal(from)} (${formatUtc(from)}), ${
        formatSpan(span.from - start)
      } after the start`}
    >
      ${span.outcome === "failed" && html`
        <svg viewBox="0 0 16 16">
          <path d=${statusShape("dead")} />
        </svg>
      `}
    </span>
  `;
}

const TONES = { failed: "is-dead", success: "is-success", open: "is-waiting" };
