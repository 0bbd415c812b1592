// Jobs that nobody tries again by itself: one, some or all that match are put back to work.
import { useState } from "preact/hooks";
import type {
  BulkAnswer,
  JobCount,
  ListedJob,
} from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { ApiError, get, post } from "../../api.ts";
import { html } from "../../html.ts";
import { ActionButton } from "../../ui/action_button.ts";
import { BulkDialog, type BulkDialogProps } from "../../ui/bulk_dialog.ts";
import type { Column } from "../../ui/table.ts";
import { describeFilter, type JobFilter } from "./filter.ts";
import { JobsTable, nameJob } from "./table.ts";

interface DeadLettersProps {
  jobs: ListedJob[];
  filter: JobFilter;
  reload(): Promise<void>;
}

const WORDS = {
  verb: "Replay them",
  done: "replayed",
  nouns: { one: "dead letter", many: "dead letters" },
  means: "Each gets a full round of attempts, and its run goes on.",
};

export function DeadLetters({ jobs, filter, reload }: DeadLettersProps) {
  const [chosen, setChosen] = useState<ReadonlySet<number>>(new Set());
  const [asked, setAsked] = useState<Partial<BulkDialogProps<number>> | null>(
    null,
  );
  const here = jobs.filter(({ job_id }) => chosen.has(job_id)).map((
    { job_id },
  ) => job_id);
  const choose = (ids: number[], isChosen: boolean) =>
    setChosen((before) => {
      const after = new Set(before);
      for (const id of ids) isChosen ? after.add(id) : after.delete(id);
      return after;
    });
  const ask = (props: Partial<BulkDialogProps<number>>) => () => {
    setAsked(props);
    return Promise.resolve();
  };
  const close = () => {
    setAsked(null);
    setChosen(new Set());
    void reload();
  };
  return html`
    <div class="actions dead-letters">
      <label class="inline">
        <input type="checkbox" checked=${here.length === jobs.length}
          onChange=${(event: Event) =>
            choose(
              jobs.map(({ job_id }) => job_id),
              (event.target as HTMLInputElement).checked,
            )} />
        Select all on this page
      </label>
      <${ActionButton} kind="primary" disabled=${here.length === 0} act=${ask(
        replaySome(here),
      )}>
        Replay selected (${here.length})<//>
      <${ActionButton} act=${ask(replayAll(filter))}>Replay all that match…<//>
    </div>
    <${JobsTable} jobs=${jobs} reload=${reload} first=${[
      chooser(chosen, choose),
    ]} />
    ${asked &&
      html`
        <${BulkDialog} title="Replay dead letters" ...${WORDS} ...${asked}
          onClose=${close}
          linkRefused=${(id: number) => html`<span class="mono">job ${id}</span>`} />
      `}
  `;
}

function chooser(
  chosen: ReadonlySet<number>,
  choose: (ids: number[], isChosen: boolean) => void,
): Column<ListedJob> {
  return {
    title: "Select",
    cell: (job) =>
      html`
        <input type="checkbox" checked=${chosen.has(job.job_id)}
          aria-label=${`Select ${nameJob(job)}, job ${job.job_id}`}
          onChange=${(event: Event) =>
            choose([job.job_id], (event.target as HTMLInputElement).checked)} />
      `,
  };
}

/** One after the other, as a click on each would. */
function replaySome(ids: number[]): Partial<BulkDialogProps<number>> {
  return {
    which: "Those selected on this page.",
    count: () => Promise.resolve({ count: ids.length, is_capped: false, newest: ids[0] }),
    page: async (_newest, cursor) => {
      const id = cursor ?? ids[0];
      const next_cursor = ids[ids.indexOf(id) + 1] ?? null;
      try {
        await post(`/jobs/${id}/retry`);
        return { changed: 1, refused: [], next_cursor };
      } catch (error) {
        if (
          !(error instanceof ApiError) ||
          (error.status !== 409 && error.status !== 404)
        ) {
          throw error;
        }
        return {
          changed: 0,
          refused: [{ id, reason: error.message }],
          next_cursor,
        };
      }
    },
  };
}

function replayAll(given: JobFilter): Partial<BulkDialogProps<number>> {
  const filter = { ...given, status: "dead" as const };
  const phrases = describeFilter(given);
  return {
    which: phrases.length === 0
      ? html`<strong>No filter is set:</strong> all dead letters of every workflow.`
      : `Dead letters ${phrases.join(", ")}.`,
    count: () => get<JobCount>("/jobs/count", filter),
    page: (newest, cursor) =>
      post<BulkAnswer<number>>("/jobs/bulk", {
        action: "retry",
        filter,
        newest,
        cursor,
      }),
  };
}
