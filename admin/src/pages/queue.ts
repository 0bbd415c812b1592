// The jobs by status, and what can be done with one of them; dead letters have a view with more to do.
import type { JobPage, Overview } from "../../../supabase/functions/_shared/contract/dashboard.ts";
import { ERROR_CLASSES } from "../../../supabase/functions/_shared/contract/statuses.ts";
import { get } from "../api.ts";
import { html } from "../html.ts";
import { useLive } from "../live.ts";
import type { Query, Route } from "../router.ts";
import { ClearFilters, SelectFilter, TextFilter, WorkflowFilter } from "../ui/filter_fields.ts";
import { Pager } from "../ui/pager.ts";
import { Empty, NotYet } from "../ui/states.ts";
import { DeadLetters } from "./queue/dead_letters.ts";
import { FILTER_NAMES, readFilter } from "./queue/filter.ts";
import { JobsTable } from "./queue/table.ts";
import { StatusTabs } from "./queue/tabs.ts";

const PAGE_ROWS = 50;

export function QueuePage({ route: { parts, query } }: { route: Route }) {
  return html`
    <div class="page-head">
      <h1>Queue</h1>
    </div>
    <${Counts} query=${query} />
    <section class="panel" aria-label="Filters">
      <div class="filters">
        <${WorkflowFilter} query=${query} />
        <${TextFilter} label="User" name="user_id" query=${query} />
        <${SelectFilter} label="Error class" name="error_class" query=${query}
          any="Every class"
          options=${ERROR_CLASSES.map((name) => ({
            value: name,
            text: name,
          }))} />
        <${TextFilter} label="Text" name="text" query=${query}
          placeholder="step, agent, error" />
        <${ClearFilters} names=${FILTER_NAMES} query=${query} />
      </div>
    </section>
    <${List} parts=${parts} query=${query} />
  `;
}

function Counts({ query }: { query: Query }) {
  const { data } = useLive(
    "counts",
    () => get<Overview>("/overview", { window: "1h" }),
  );
  return html`<${StatusTabs} query=${query} counts=${data?.queue ?? null} />`;
}

/** Apart from the filters, so that a poll draws only this. */
function List({ parts, query }: { parts: string[]; query: Query }) {
  const question = {
    ...readFilter(query),
    status: query.status,
    limit: PAGE_ROWS,
    before: query.before,
  };
  const { data, error, reload } = useLive(
    JSON.stringify(question),
    () => get<JobPage>("/jobs", question),
  );
  if (data === null) {
    return html`<${NotYet} what="jobs" error=${error} retry=${() => void reload()} />`;
  }
  const stale = error &&
    html`<p class="problem">The list is not fresh: ${error.message}</p>`;
  if (data.jobs.length === 0) {
    return html`${stale}<${NoJobs} query=${query} parts=${parts} />`;
  }
  return html`
    ${stale}
    <div class="panel">
      ${query.status === "dead"
        ? html`<${DeadLetters} jobs=${data.jobs} filter=${readFilter(query)} reload=${reload} />`
        : html`<${JobsTable} jobs=${data.jobs} reload=${reload} />`}
    </div>
    <${Pager} parts=${parts} query=${query} next=${data.next_before} />
  `;
}

function NoJobs({ parts, query }: { parts: string[]; query: Query }) {
  if (query.before) {
    return html`
      <${Empty} title="No older jobs">This is the end of the list.<//>
      <${Pager} parts=${parts} query=${query} next=${null} />
    `;
  }
  if (FILTER_NAMES.some((name) => query[name])) {
    return html`
      <${Empty} title="No job matches">Take a filter away, or clear them all.<//>
      <p class="state-action"><${ClearFilters} names=${FILTER_NAMES} query=${query} /></p>
    `;
  }
  if (query.status === "dead") {
    return html`
      <${Empty}
        title="No dead letters">Every step has been done, or will be tried again by itself.<//>
    `;
  }
  return html`
    <${Empty} title=${query.status ? "No jobs with this status" : "No jobs yet"}>
      Each step of a run is a job. <a href="#/workflows">Run a workflow</a> to see some.<//>
  `;
}
