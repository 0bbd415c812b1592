// The next slots of a schedule, by the reader's clock and by the schedule's own.
import type { Schedule } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { html } from "../../html.ts";
import { formatUtc, Time } from "../../ui/time.ts";

const OWN_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

export function NextSlots({ schedule }: { schedule: Schedule }) {
  const { next_slots, timezone, paused_at, workflow_key, starts_runs } = schedule;
  if (!starts_runs) {
    return html`<span class="muted">starts nothing: users have schedules of their own</span>`;
  }
  if (next_slots.length === 0) {
    return html`<span class="muted">${
      paused_at === null ? "none" : "none while it is paused"
    }</span>`;
  }
  const [first] = next_slots;
  return html`
    <span class="block"><${Time} at=${first} ago /></span>
    <details class="slots">
      <summary>${formatSlot(first)}
        <span class="hidden">, the next ${next_slots
          .length} of ${workflow_key}</span>
      </summary>
      <ol>
        ${next_slots.map((slot) =>
          html`<li key=${slot}>
          <time datetime=${slot} title=${formatUtc(slot)}>${formatSlot(slot)}</time>
          ${describeThere(slot, timezone)}
        </li>`
        )}
      </ol>
    </details>
  `;
}

/** By the schedule's clock, where that is another one. */
function describeThere(slot: string, timezone: string) {
  const there = formatIn(slot, timezone);
  if (there === null || there === formatSlot(slot)) return null;
  return html`<small class="muted block">${there} ${timezone}</small>`;
}

function formatSlot(iso: string): string {
  return formatIn(iso, OWN_ZONE)!;
}

/** Null for what is no zone, such as \`user\`: of each user's own. */
function formatIn(iso: string, timeZone: string): string | null {
  try {
    return new Intl.DateTimeFormat(undefined, {
      weekday: "short",
      day: "2-digit",
      month: "short",
      hour: "2-digit",
      minute: "2-digit",
      hour12: false,
      timeZone,
    }).format(new Date(iso));
  } catch {
    return null;
  }
}
