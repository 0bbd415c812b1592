// The schedules: when each fires next, in words and in times, and what it has missed.
import type {
  Schedule,
  SchedulePage,
} from "../../../supabase/functions/_shared/contract/dashboard.ts";
import { get } from "../api.ts";
import { html } from "../html.ts";
import { useLive } from "../live.ts";
import { linkTo, type Route } from "../router.ts";
import { ClearFilters, WorkflowFilter } from "../ui/filter_fields.ts";
import { Empty, Failure, Loading } from "../ui/states.ts";
import { type Column, Table } from "../ui/table.ts";
import { Time } from "../ui/time.ts";
import { ScheduleActions } from "./schedules/actions.ts";
import { NextSlots } from "./schedules/next_slots.ts";
import { When } from "./schedules/when.ts";

const PAGE_SIZE = 50;

export function SchedulesPage({ route }: { route: Route }) {
  const { workflow_key, after } = route.query;
  const query = { workflow_key, after, limit: PAGE_SIZE };
  const { data, error, reload } = useLive(
    `schedules ${JSON.stringify(query)}`,
    () => get<SchedulePage>("/schedules", query),
  );
  return html`
    <div class="page-head">
      <h1>Schedules</h1>
    </div>
    <div class="panel">
      <div class="filters">
        <${WorkflowFilter} query=${route.query} />
        <${ClearFilters} names=${["workflow_key"]} query=${route.query} />
      </div>
    </div>
    ${data === null && error === null &&
      html`<${Loading} what="the schedules" />`}
    ${data === null && error !== null &&
      html`<${Failure} error=${error} retry=${reload} />`}
    ${data !== null && data.schedules.length === 0 &&
      html`<${NoSchedule} route=${route} />`}
    ${data !== null && data.schedules.length > 0 && html`
      <div class="panel">
        <${Table} caption="Schedules" columns=${listColumns(reload)} rows=${data
          .schedules}
          rowKey=${({ schedule_id }: Schedule) => schedule_id} />
        <${Pages} route=${route} next=${data.next_after} />
      </div>
    `}
  `;
}

function listColumns(reload: () => Promise<void>): Column<Schedule>[] {
  return [
    {
      title: "Workflow",
      cell: ({ workflow_key, user_id }) =>
        html`
          <a href=${linkTo(["workflows", workflow_key])}>${workflow_key}</a>
          <small class="muted block">${user_id === null
            ? "the workflow's own schedule"
            : html`for user <span class="mono">${user_id}</span>`}</small>
        `,
    },
    {
      title: "When",
      cell: (schedule) => html`<${When} schedule=${schedule} />`,
    },
    {
      title: "Next",
      cell: (schedule) => html`<${NextSlots} schedule=${schedule} />`,
    },
    {
      title: "Last",
      cell: ({ last_slot_at }) => html`<${Time} at=${last_slot_at} />`,
    },
    {
      title: "Missed",
      cell: (schedule) => html`<${Missed} schedule=${schedule} />`,
    },
    {
      title: "Actions",
      cell: (schedule) => html`<${ScheduleActions} schedule=${schedule} reload=${reload} />`,
    },
  ];
}

function Missed({ schedule }: { schedule: Schedule }) {
  const { missed_slots, last_missed_at } = schedule;
  if (missed_slots === 0) return html`<span class="muted">none</span>`;
  return html`
    <span class="missed">${missed_slots.toLocaleString()}</span>
    ${last_missed_at !== null &&
      html`<small class="muted block">the last <${Time} at=${last_missed_at} ago /></small>`}
  `;
}

function NoSchedule({ route }: { route: Route }) {
  const { workflow_key, after } = route.query;
  if (after) {
    return html`
      <${Empty}
        title="No more schedules"><a href=${linkTo(["schedules"], {
          workflow_key,
        })}>Back to the first ones</a><//>
    `;
  }
  if (workflow_key) {
    return html`
      <${Empty}
        title="No schedule"><code>${workflow_key}</code> does not run by itself. A${" "}
            <code>cron</code> in its <a href=${linkTo([
              "workflows",
              workflow_key,
            ], { tab: "yaml" })}>trigger</a> makes it.<//>
    `;
  }
  return html`
    <${Empty}
      title="No schedules">A workflow whose trigger has a <code>cron</code> gets one when it is${" "}
        <a href=${linkTo(["workflows"])}>published</a>.<//>
  `;
}

/** In the order in which they were made: the first ones, and on. */
function Pages({ route, next }: { route: Route; next: number | null }) {
  const { parts, query } = route;
  if (!query.after && next === null) return null;
  return html`
    <nav class="pager" aria-label="Pages">
      ${query.after &&
        html`<a href=${linkTo(parts, { ...query, after: null })}>« First</a>`}
      ${next !== null &&
        html`<a href=${linkTo(parts, { ...query, after: String(next) })}>More »</a>`}
    </nav>
  `;
}
