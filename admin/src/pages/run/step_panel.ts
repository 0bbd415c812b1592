// The step that is selected, beside the graph on a wide screen and below it on a narrow one; one item of a
// fan-out takes its place while it is open.
import { useEffect, useRef } from "preact/hooks";
import type { Run } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { get } from "../../api.ts";
import { html } from "../../html.ts";
import { POLL_MS, useLive } from "../../live.ts";
import { Failure, Loading } from "../../ui/states.ts";
import { type ItemPage, itemsPath } from "./items.ts";
import { ItemsTable } from "./items_table.ts";
import { JobDetails } from "./job_details.ts";
import type { ShownStep } from "./steps.ts";

export interface StepPanelProps {
  run: Run;
  step: ShownStep;
  item: number | null;
  select: (stepId: string | null, item?: number) => void;
  reload: () => Promise<void>;
}

export function StepPanel({ run, step, item, select, reload }: StepPanelProps) {
  const { job, readyAt } = step;
  const panel = useRef<HTMLElement>(null);
  useEffect(() => {
    // Below the graph it would come to pass out of sight.
    const { top } = panel.current!.getBoundingClientRect();
    if (top > innerHeight * .8) {
      panel.current!.scrollIntoView({ block: "start" });
    }
  }, [job.step_id]);
  return html`
    <section class="panel step-panel" ref=${panel} aria-labelledby="step-title">
      <header>
        <h2 id="step-title" class="mono">${job.step_id}${item === null ? "" : `[${item}]`}</h2>
        <button type="button" class="quiet" aria-label=${`Close step ${job.step_id}`}
          onClick=${() => close(job.step_id, select)}>×</button>
      </header>
      ${item === null
        ? html`
          <${JobDetails} run=${run} job=${job} readyAt=${readyAt}
            reload=${reload}>
            ${job.items && html`
              <h3>Items</h3>
              <${ItemsTable} key=${job.job_id} job=${job}
                select=${(index: number) => select(job.step_id, index)} />
            `}
          <//>
        `
        : html`
          <p><button type="button" class="link" onClick=${() =>
            select(job.step_id)}>« All items of ${job.step_id}</button></p>
          <${Item} key=${item} run=${run} step=${step} index=${item}
            reload=${reload} />
        `}
    </section>
  `;
}

interface ItemProps {
  run: Run;
  step: ShownStep;
  index: number;
  reload: () => Promise<void>;
}

function Item({ run, step: { job }, index, reload }: ItemProps) {
  const path = itemsPath(run.workflow_run_id, job.step_id);
  const live = useLive(
    `${path}/${index}`,
    () => get<ItemPage>(path, { limit: 1, after: index === 0 ? null : index - 1 }),
    POLL_MS,
  );
  if (live.isLoading) return html`<${Loading} what="the item" />`;
  const found = live.data?.items.find(({ item_index }) => item_index === index);
  if (found === undefined) {
    return html`
      <${Failure} error=${live.error ??
        new Error(`${job.step_id} has no item ${index}`)} />
    `;
  }
  const reloadBoth = async () => {
    await Promise.all([live.reload(), reload()]);
  };
  return html`
    <${JobDetails} run=${run} job=${found} readyAt=${found.created_at}
      reload=${reloadBoth} />
  `;
}

/** Focus goes back to where the step was opened. */
function close(
  stepId: string,
  select: (stepId: string | null) => void,
): void {
  select(null);
  document.querySelector<HTMLElement>(
    `[data-step="${CSS.escape(stepId)}"]`,
  )?.focus();
}
