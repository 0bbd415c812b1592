// What an operator does with a schedule.
import type { Schedule } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { post } from "../../api.ts";
import { html } from "../../html.ts";
import { linkTo } from "../../router.ts";
import { ActionButton } from "../../ui/action_button.ts";
import { notify } from "../../ui/notices.ts";

export interface ScheduleActionsProps {
  schedule: Schedule;
  reload: () => Promise<void>;
}

export function ScheduleActions({ schedule, reload }: ScheduleActionsProps) {
  const { schedule_id, workflow_key, user_id, paused_at, cron } = schedule;
  const name = user_id === null ? workflow_key : `${workflow_key} for ${user_id}`;
  const isPaused = paused_at !== null;
  // One button, so that the keyboard's place is kept when its word changes.
  const word = isPaused ? "Resume" : "Pause";
  const ask = (action: string) =>
    post<{ workflow_run_id?: string }>(`/schedules/${schedule_id}/${action}`);
  const pause = async () => {
    await ask("pause");
    notify(
      `The schedule of ${name} is paused; nothing is fired until you resume it.`,
    );
    await reload();
  };
  const resume = async () => {
    await ask("resume");
    notify(`The schedule of ${name} goes on with its next slot.`);
    await reload();
  };
  const run = async () => {
    const { workflow_run_id } = await ask("run");
    notify(
      `A run of ${name} has been started.`,
      workflow_run_id === undefined ? undefined : {
        href: linkTo(["runs", workflow_run_id]),
        text: "Show the run",
      },
    );
    await reload();
  };
  return html`
    <div class="actions">
      <${ActionButton} act=${isPaused ? resume : pause} label=${`${word} ${name}`}
        disabled=${!isPaused && cron === null}>${word}<//>
      <${ActionButton} act=${run} label=${`Run now: ${name}`}
        confirm=${`This starts a run of ${name} now, besides its slots.`}>Run now<//>
    </div>
  `;
}
