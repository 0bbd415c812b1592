// The timeline in words: every attempt of every step with its times.
import { useState } from "preact/hooks";
import type { Attempt, Run } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { html } from "../../html.ts";
import { Table } from "../../ui/table.ts";
import { formatSpan, Time } from "../../ui/time.ts";
import type { ShownStep } from "./steps.ts";

const SHOWN_ROWS = 200;

interface Row {
  stepId: string;
  attempt: Attempt;
}

export function AttemptsList(
  { run, steps }: { run: Run; steps: ShownStep[] },
) {
  const [isOpen, setOpen] = useState(false);
  return html`
    <details class="as-list" open=${isOpen} onToggle=${(event: Event) =>
      setOpen((event.target as HTMLDetailsElement).open)}>
      <summary>The attempts as a list</summary>
      ${isOpen && html`<${List} run=${run} steps=${steps} />`}
    </details>
  `;
}

function List({ run, steps }: { run: Run; steps: ShownStep[] }) {
  const rows: Row[] = steps.flatMap(({ job }) =>
    job.attempt_history.map((attempt) => ({ stepId: job.step_id, attempt }))
  ).sort((one, other) => Date.parse(one.attempt.started_at) - Date.parse(other.attempt.started_at));
  if (rows.length === 0) {
    return html`<p class="muted">No attempt has ended yet.</p>`;
  }
  const start = Date.parse(run.created_at);
  return html`
    ${rows.length > SHOWN_ROWS && html`
      <p
        class="muted">The first ${SHOWN_ROWS} of ${rows
          .length} attempts; each step shows all of its own.</p>
    `}
    <${Table}
      caption="Attempts by time"
      rows=${rows.slice(0, SHOWN_ROWS)}
      rowKey=${({ attempt }: Row) => attempt.attempt_id}
      columns=${[
        {
          title: "Step",
          cell: ({ stepId }: Row) => html`<span class="mono">${stepId}</span>`,
        },
        {
          title: "Attempt",
          isNumber: true,
          cell: ({ attempt }: Row) => attempt.attempt,
        },
        {
          title: "Began",
          cell: ({ attempt }: Row) => html`<${Time} at=${attempt.started_at} />`,
        },
        {
          title: "After the start",
          isNumber: true,
          cell: ({ attempt }: Row) => formatSpan(Date.parse(attempt.started_at) - start),
        },
        {
          title: "Took",
          isNumber: true,
          cell: ({ attempt }: Row) =>
            formatSpan(
              Date.parse(attempt.finished_at) - Date.parse(attempt.started_at),
            ),
        },
        {
          title: "End",
          cell: ({ attempt }: Row) =>
            attempt.success ? "succeeded" : `failed: ${attempt.error_class ?? "no class"}`,
        },
      ]}
    />
  `;
}
