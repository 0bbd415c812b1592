// What can be done to all runs that a filter matches: counted first, confirmed, then page by page.
import { useState } from "preact/hooks";
import type {
  BulkAction,
  BulkAnswer,
  BulkRunsRequest,
  RunCount,
  RunFilter,
} from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { get, post } from "../../api.ts";
import { html } from "../../html.ts";
import { ActionButton } from "../../ui/action_button.ts";
import { BulkDialog } from "../../ui/bulk_dialog.ts";
import { RunLink } from "../../ui/run_link.ts";
import { describeFilter } from "./filter.ts";

const ACTIONS: Record<
  BulkAction,
  {
    title: string;
    verb: string;
    done: string;
    which: string;
    means: string;
    isDanger: boolean;
  }
> = {
  cancel: {
    title: "Cancel all that match",
    verb: "Cancel the runs",
    done: "cancelled",
    which: "Running runs",
    means: "Their open steps end, calls under way are broken off.",
    isDanger: true,
  },
  restart_failed: {
    title: "Restart all failed that match",
    verb: "Restart the runs",
    done: "restarted",
    which: "Failed and cancelled runs",
    means: "Each goes on from its failed steps, what succeeded is kept.",
    isDanger: false,
  },
};

export function BulkActions({ filter }: { filter: RunFilter }) {
  // The filter as it was when the dialog opened: what was counted is what is done.
  const [asked, setAsked] = useState<
    { action: BulkAction; filter: RunFilter } | null
  >(null);
  const ask = (action: BulkAction) => () => {
    setAsked({ action, filter });
    return Promise.resolve();
  };
  return html`
    <${ActionButton} act=${ask(
      "restart_failed",
    )}>Restart all failed that match…<//>
    <${ActionButton} kind="danger" act=${ask(
      "cancel",
    )}>Cancel all that match…<//>
    ${asked && html`<${Ask} ...${asked} onClose=${() => setAsked(null)} />`}
  `;
}

function Ask(
  { action, filter, onClose }: {
    action: BulkAction;
    filter: RunFilter;
    onClose: () => void;
  },
) {
  const { title, verb, done, which, means, isDanger } = ACTIONS[action];
  const phrases = describeFilter(filter);
  const send = (
    newest: string,
    cursor: string | null,
    reason: string | null,
  ) => {
    const request: BulkRunsRequest = { action, filter, newest, cursor };
    if (action === "cancel") request.reason = reason;
    return post<BulkAnswer>("/runs/bulk", request);
  };
  return html`
    <${BulkDialog}
      title=${title} verb=${verb} done=${done} means=${means}
      isDanger=${isDanger}
      nouns=${{ one: "run", many: "runs" }}
      hasReason=${action === "cancel"}
      which=${phrases.length === 0
        ? html`<strong>No filter is set:</strong> ${which.toLowerCase()} of every workflow and user.`
        : html`${which} ${phrases.join(", ")}.`}
      count=${() => get<RunCount>("/runs/count", { ...filter, action })}
      page=${send}
      linkRefused=${(id: string) => html`<${RunLink} id=${id} />`}
      onClose=${onClose}
    />
  `;
}
