// Which runs there are: filters in the URL, newest first, and what can be done to all that match.
import type { RunPage } from "../../../supabase/functions/_shared/contract/dashboard.ts";
import { RUN_STATUSES } from "../../../supabase/functions/_shared/contract/statuses.ts";
import { get } from "../api.ts";
import { html } from "../html.ts";
import { useLive } from "../live.ts";
import type { Query, Route } from "../router.ts";
import {
  ClearFilters,
  SelectFilter,
  TextFilter,
  TimeFilter,
  WorkflowFilter,
} from "../ui/filter_fields.ts";
import { Pager } from "../ui/pager.ts";
import { Empty, NotYet } from "../ui/states.ts";
import { BulkActions } from "./runs/bulk.ts";
import { FILTER_NAMES, readFilter } from "./runs/filter.ts";
import { RunsTable } from "./runs/table.ts";

const PAGE_ROWS = 50;

export function RunsPage({ route: { parts, query } }: { route: Route }) {
  return html`
    <div class="page-head">
      <h1>Runs</h1>
      <div class="actions">
        <${BulkActions} filter=${readFilter(query)} />
      </div>
    </div>
    <section class="panel" aria-label="Filters">
      <div class="filters">
        <${WorkflowFilter} query=${query} />
        <${SelectFilter} label="Status" name="status" query=${query}
          any="Every status"
          options=${RUN_STATUSES.map((status) => ({
            value: status,
            text: status,
          }))} />
        <${TextFilter} label="User" name="user_id" query=${query} />
        <${TextFilter} label="Intent" name="intent_id" query=${query} />
        <${TimeFilter} label="Started from" name="from" query=${query} />
        <${TimeFilter} label="Started before" name="to" query=${query} />
        <${TextFilter} label="Text" name="text" query=${query}
          placeholder="id, user, intent, input" />
        <${ClearFilters} names=${FILTER_NAMES} query=${query} />
      </div>
    </section>
    <${List} parts=${parts} query=${query} />
  `;
}

/** Apart from the filters, so that a poll draws only this. */
function List({ parts, query }: { parts: string[]; query: Query }) {
  const filter = readFilter(query);
  const question = { ...filter, limit: PAGE_ROWS, before: query.before };
  const { data, error, reload } = useLive(
    JSON.stringify(question),
    () => get<RunPage>("/runs", question),
  );
  if (data === null) {
    return html`<${NotYet} what="runs" error=${error} retry=${() => void reload()} />`;
  }
  if (data.runs.length === 0) {
    return html`<${NoRuns} query=${query} parts=${parts} />`;
  }
  return html`
    ${error &&
      html`<p class="problem">The list is not fresh: ${error.message}</p>`}
    <div class="panel">
      <${RunsTable} runs=${data.runs} />
    </div>
    <${Pager} parts=${parts} query=${query} next=${data.next_before} />
  `;
}

function NoRuns({ parts, query }: { parts: string[]; query: Query }) {
  if (query.before) {
    return html`
      <${Empty} title="No older runs">This is the end of the list.<//>
      <${Pager} parts=${parts} query=${query} next=${null} />
    `;
  }
  if (FILTER_NAMES.some((name) => query[name])) {
    return html`
      <${Empty} title="No run matches">
        Take a filter away, or clear them all.<//>
      <p class="state-action"><${ClearFilters} names=${FILTER_NAMES} query=${query} /></p>
    `;
  }
  return html`
    <${Empty} title="No runs yet">
      Open a <a href="#/workflows">workflow</a> and run it, or wait for an event or a schedule.<//>
  `;
}
