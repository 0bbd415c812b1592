// Who did what, when, and what it changed.
import type { AuditPage as Rows } from "../../../supabase/functions/_shared/contract/dashboard.ts";
import { get } from "../api.ts";
import { html } from "../html.ts";
import { useLive } from "../live.ts";
import { pickGiven, type Query, type Route } from "../router.ts";
import { ClearFilters, SelectFilter, TextFilter } from "../ui/filter_fields.ts";
import { Pager } from "../ui/pager.ts";
import { Empty, NotYet } from "../ui/states.ts";
import { ACTION_OPTIONS } from "./audit/words.ts";
import { AuditTable } from "./audit/table.ts";

const PAGE_ROWS = 50;
const FILTER_NAMES = ["action", "actor", "target"] as const;

export function AuditPage({ route: { parts, query } }: { route: Route }) {
  return html`
    <div class="page-head">
      <h1>Audit</h1>
    </div>
    <section class="panel" aria-label="Filters">
      <div class="filters">
        <${SelectFilter} label="Action" name="action" query=${query}
          any="Every action"
          options=${ACTION_OPTIONS} />
        <${TextFilter} label="Who" name="actor" query=${query}
          placeholder="e-mail or key" />
        <${TextFilter} label="Target" name="target" query=${query}
          placeholder="run, job, workflow" />
        <${ClearFilters} names=${FILTER_NAMES} query=${query} />
      </div>
    </section>
    <${List} parts=${parts} query=${query} />
  `;
}

/** Apart from the filters, so that a poll draws only this. */
function List({ parts, query }: { parts: string[]; query: Query }) {
  const question = {
    ...pickGiven(query, FILTER_NAMES),
    limit: PAGE_ROWS,
    before: query.before,
  };
  const { data, error, reload } = useLive(
    JSON.stringify(question),
    () => get<Rows>("/audit", question),
  );
  if (data === null) {
    return html`<${NotYet} what="the audit log" error=${error} retry=${() => void reload()} />`;
  }
  if (data.rows.length === 0) {
    const isFiltered = FILTER_NAMES.some((name) => query[name]);
    return query.before
      ? html`
        <${Empty} title="Nothing older">This is the end of the log.<//>
        <${Pager} parts=${parts} query=${query} next=${null} />
      `
      : isFiltered
      ? html`
        <${Empty} title="Nothing matches">Take a filter away, or clear them all.<//>
        <p class="state-action"><${ClearFilters} names=${FILTER_NAMES} query=${query} /></p>
      `
      : html`
        <${Empty} title="Nobody has done anything yet">
          Whatever an operator changes on these pages stands here afterwards.<//>
      `;
  }
  return html`
    ${error &&
      html`<p class="problem">The list is not fresh: ${error.message}</p>`}
    <div class="panel">
      <${AuditTable} rows=${data.rows} />
    </div>
    <${Pager} parts=${parts} query=${query} next=${data.next_before} />
  `;
}
