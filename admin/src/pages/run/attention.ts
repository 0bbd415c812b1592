// What somebody has to look at first: steps that are dead and steps that wait for a person, above all else.
import { html } from "../../html.ts";
import { StatusBadge } from "../../ui/status.ts";
import type { ShownStep } from "./steps.ts";

const SHOWN = 5;
const SHOWN_CHARACTERS = 160;

export interface AttentionProps {
  steps: ShownStep[];
  select: (stepId: string) => void;
}

export function Attention({ steps, select }: AttentionProps) {
  const calling = steps.filter(({ job }) =>
    job.status === "dead" ||
    job.status === "failed" ||
    (job.status === "parked" && job.parked?.for === "event")
  ).sort((one, other) => rank(one) - rank(other));
  if (calling.length === 0) return null;
  return html`
    <section class="panel attention" aria-labelledby="attention">
      <h2 id="attention">Look here first</h2>
      <ul>
        ${calling.slice(0, SHOWN).map(({ job }) =>
          html`
            <li key=${job.job_id}>
              <${StatusBadge} status=${job.status} />
              <button type="button" class="link mono"
                onClick=${() => select(job.step_id)}>${job.step_id}</button>
              <span class="muted">${describe(job)}</span>
            </li>
          `
        )}
      </ul>
      ${calling.length > SHOWN && html`
        <p class="muted">and ${calling.length - SHOWN} more, below.</p>
      `}
    </section>
  `;
}

function rank({ job }: ShownStep): number {
  return ["dead", "parked", "failed"].indexOf(job.status);
}

function describe(
  { status, payload, error_class, error_text }: ShownStep["job"],
) {
  if (status === "parked") {
    return `waits for the event ${
      payload.wait?.event ?? ""
    } or for somebody to approve or reject it`;
  }
  const text = error_text ?? "";
  return `${error_class}: ${text.slice(0, SHOWN_CHARACTERS)}${
    text.length > SHOWN_CHARACTERS ? "…" : ""
  }`;
}
