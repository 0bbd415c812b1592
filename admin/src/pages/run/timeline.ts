// When each step waited and ran, on one axis from the run's start, and the same as a list of attempts.
import { useRef, useState } from "preact/hooks";
import type { Run, RunJob } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { html } from "../../html.ts";
import { Empty } from "../../ui/states.ts";
import { formatLocal, formatSpan, formatUtc } from "../../ui/time.ts";
import { AttemptsList } from "./attempts_list.ts";
import { databaseNow } from "./clock.ts";
import { shareUnchanged } from "./share_unchanged.ts";
import { listSpans, listTicks, type Span } from "./spans.ts";
import { countItems, describeItems, type ShownStep } from "./steps.ts";
import { TimelineItems } from "./timeline_items.ts";
import { type Extent, TimelineRow } from "./timeline_row.ts";

export interface TimelineProps {
  run: Run;
  steps: ShownStep[];
  selected: string | undefined;
  select: (stepId: string, item?: number) => void;
}

export function Timeline({ run, steps, selected, select }: TimelineProps) {
  const [open, setOpen] = useState<string[]>([]);
  const isLive = run.finished_at === null;
  const nowMs = databaseNow();
  const before = useRef<{ job: RunJob; spans: Span[] }[]>([]);
  if (steps.length === 0) {
    return html`<${Empty} title="Nothing has happened yet" />`;
  }
  const rows = steps.map(({ job, readyAt }) => ({
    job,
    spans: listSpans(job, readyAt, nowMs),
  }));
  before.current = shareUnchanged(before.current, rows);
  const from = Date.parse(run.created_at);
  const last = Math.max(
    isLive ? nowMs : Date.parse(run.finished_at!),
    ...rows.map(({ spans }) => spans.at(-1)?.to ?? 0),
  );
  const extent: Extent = { from, to: Math.max(last, from + 50) };
  const toggle = (id: string) =>
    setOpen(
      open.includes(id) ? open.filter((one) => one !== id) : [...open, id],
    );
  return html`
    <div class="timeline" style=${{ "--length": extent.to - extent.from }}>
      <${Axis} extent=${extent} />
      <ol class="timeline-rows">
        <${Lines} extent=${extent} isLive=${isLive} />
        ${before.current.map(({ job, spans }) => {
          const items = countItems(job);
          const isOpen = open.includes(job.step_id);
          return html`
            <${TimelineRow}
              key=${job.job_id}
              name=${job.step_id}
              status=${job.status}
              spans=${spans}
              from=${from}
              isSelected=${job.step_id === selected}
              select=${() => select(job.step_id)}
            >
              ${items && html`
                <button type="button" class="quiet expand"
                  aria-expanded=${isOpen}
                  aria-label=${`Items of ${job.step_id}: ${describeItems(items)}`}
                  onClick=${() => toggle(job.step_id)}>${isOpen ? "▾" : "▸"}</button>
              `}
            <//>
            ${isOpen && html`
              <${TimelineItems} key=${`${job.job_id}/items`} job=${job}
                from=${from} select=${(item: number) => select(job.step_id, item)} />
            `}
          `;
        })}
      </ol>
      <${Legend} />
      <${AttemptsList} run=${run} steps=${steps} />
    </div>
  `;
}

function Axis({ extent }: { extent: Extent }) {
  return html`
    <div class="timeline-row axis" aria-hidden="true">
      <span class="timeline-name muted">since the start</span>
      <span class="track">
        ${listTicks(extent.to - extent.from).map((ms) => {
          const at = new Date(extent.from + ms).toISOString();
          return html`
            <span key=${ms} class="tick"
              style=${{ left: place(ms, extent) }}
              title=${`${formatLocal(at)}\n${formatUtc(at)}`}>${ms === 0
                ? "0"
                : formatSpan(ms).replace(
                  /\.0+(?= )|(?<=\.\d)0+(?= )/,
                  "",
                )}</span>
          `;
        })}
      </span>
    </div>
  `;
}

function Lines({ extent, isLive }: { extent: Extent; isLive: boolean }) {
  return html`
    <li class="timeline-row lines-of-axis" aria-hidden="true" role="presentation">
      <span class="timeline-name"></span>
      <span class="track">
        ${listTicks(extent.to - extent.from).map((ms) =>
          html`<span key=${ms} class="line" style=${{
            left: place(ms, extent),
          }}></span>`
        )}
        ${isLive &&
          html`<span class="line is-now" style=${{ left: "100%" }}></span>`}
      </span>
    </li>
  `;
}

function place(ms: number, { from, to }: Extent): string {
  return `${(100 * ms / (to - from)).toFixed(3)}%`;
}

function Legend() {
  return html`
    <ul class="legend" aria-label="What the bars mean">
      <li><span class="span of-waiting is-waiting"></span> waited for a worker, a token or the next attempt</li>
      <li><span class="span of-parked is-waiting"></span> waited without a worker (event, timer, run, callback)</li>
      <li><span class="span of-items is-waiting"></span> its items were worked on</li>
      <li><span class="span of-running is-success"></span> an attempt that succeeded</li>
      <li><span class="span of-running is-dead"></span> one that failed (with an ×)</li>
      <li><span class="span of-running is-running is-open"></span> under way</li>
    </ul>
  `;
}
