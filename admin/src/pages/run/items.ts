// The items of a fan-out, a page at a time, fresh while they are worked on.
import type { RunJob } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { get } from "../../api.ts";
import { html } from "../../html.ts";
import { type Live, POLL_MS, useLive } from "../../live.ts";
import { hasEnded } from "./steps.ts";

export interface ItemPage {
  items: RunJob[];
  next_after: number | null;
}

const ITEMS_A_PAGE = 50;
/** Items that have ended change only by what an operator does. */
export const ENDED_POLL_MS = 5_000;

export function useItems(
  { workflow_run_id, step_id, ...job }: RunJob,
  after: number | null,
): Live<ItemPage> {
  const path = itemsPath(workflow_run_id, step_id);
  return useLive(
    `${path}?after=${after}`,
    () => get<ItemPage>(path, { limit: ITEMS_A_PAGE, after }),
    hasEnded(job) ? ENDED_POLL_MS : POLL_MS,
  );
}

export function itemsPath(runId: string, stepId: string): string {
  return `/runs/${runId}/steps/${encodeURIComponent(stepId)}/items`;
}

export interface ItemPagerProps {
  after: number | null;
  next: number | null;
  turn: (after: number | null) => void;
}

export function ItemPager({ after, next, turn }: ItemPagerProps) {
  if (after === null && next === null) return null;
  return html`
    <nav class="pager" aria-label="Pages of items">
      ${after !== null && html`
        <button type="button" class="link" onClick=${() => turn(null)}>« First items</button>
      `}
      ${next !== null && html`
        <button type="button" class="link" onClick=${() => turn(next)}>
          Items from ${next + 1} on »
        </button>
      `}
    </nav>
  `;
}
