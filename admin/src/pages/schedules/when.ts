// When a schedule fires: in words, as the pattern, and by which clock.
import type { Schedule } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { html } from "../../html.ts";
import { describeZone } from "../../ui/workflow_words.ts";
import { Time } from "../../ui/time.ts";

export function When({ schedule }: { schedule: Schedule }) {
  const { cron, words, timezone, paused_at } = schedule;
  if (cron === null) {
    return html`<span class="muted">switched off: the workflow has no cron</span>`;
  }
  return html`
    ${words && html`<span class="block">${words}</span>`}
    <small class="muted block"><code>${cron}</code> ${describeZone(
      timezone,
    )}</small>
    ${paused_at !== null &&
      html`
        <span
          class="tag is-paused block">paused <${Time} at=${paused_at} ago /></span>
      `}
  `;
}
