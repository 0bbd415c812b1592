// The published workflows: what starts each, and how it has gone lately. A new one is written here, too.
import type { ListedWorkflow } from "../../../supabase/functions/_shared/contract/dashboard.ts";
import { get } from "../api.ts";
import { html } from "../html.ts";
import { useLive } from "../live.ts";
import { linkTo, navigate, type Route } from "../router.ts";
import { TextFilter } from "../ui/filter_fields.ts";
import { Empty, NotYet } from "../ui/states.ts";
import { type Column, Table } from "../ui/table.ts";
import { Time } from "../ui/time.ts";
import { Editor } from "./workflow/editor.ts";
import { EXAMPLE_WORKFLOW } from "./workflow/example.ts";
import { RefusedUpload, SuccessRate, Trigger } from "./workflow/summary.ts";

const COLUMNS: Column<ListedWorkflow>[] = [
  {
    title: "Workflow",
    cell: ({ workflow_key, description, problems }) =>
      html`
        <a href=${linkTo(["workflows", workflow_key])}>${workflow_key}</a>
        ${description &&
          html`<small class="muted block">${description}</small>`}
        <${RefusedUpload} problems=${problems} />
      `,
  },
  {
    title: "Started by",
    cell: (workflow) => html`<${Trigger} workflow=${workflow} />`,
  },
  { title: "Steps", isNumber: true, cell: ({ steps }) => steps },
  {
    title: "Success, 7 days",
    cell: (workflow) => html`<${SuccessRate} workflow=${workflow} />`,
  },
  {
    title: "Published",
    cell: ({ version, published_at }) =>
      html`
        version ${version}<small
          class="muted block"><${Time} at=${published_at} ago /></small>
      `,
  },
];

export function WorkflowsPage({ route }: { route: Route }) {
  if (route.query.new === "1") return html`<${NewWorkflow} />`;
  return html`
    <div class="page-head">
      <h1>Workflows</h1>
      <div class="actions">
        <a class="button" href=${linkTo(["workflows"], {
          new: "1",
        })}>Publish a workflow…</a>
      </div>
    </div>
    <${WorkflowList} route=${route} />
  `;
}

function WorkflowList({ route }: { route: Route }) {
  const { data, error, reload } = useLive(
    "workflows",
    () => get<{ workflows: ListedWorkflow[] }>("/workflows"),
  );
  if (data === null) {
    return html`<${NotYet} what="the workflows" error=${error} retry=${reload} />`;
  }
  if (data.workflows.length === 0) {
    return html`
      <${Empty} title="No workflow is published">
        A workflow is a YAML file that says which agents are called, and when.${" "}
        <a href=${linkTo(["workflows"], {
          new: "1",
        })}>Write the first one</a>, or put files into the
        bucket <code>workflows</code>.
      <//>
    `;
  }
  const shown = data.workflows.filter((workflow) => matches(workflow, route.query.text));
  return html`
    <div class="panel">
      <div class="filters">
        <${TextFilter} label="Find" name="text" query=${route.query}
          placeholder="Key or event" />
      </div>
    </div>
    ${shown.length === 0
      ? html`
        <${Empty}
          title="No workflow matches">${data.workflows
            .length} are published; change what you look for.<//>
      `
      : html`
        <div class="panel">
          <${Table} caption="Published workflows" columns=${COLUMNS}
            rows=${shown}
            rowKey=${({ workflow_key }: ListedWorkflow) => workflow_key} />
        </div>
      `}
  `;
}

function matches(
  { workflow_key, description, trigger }: ListedWorkflow,
  text = "",
): boolean {
  const wanted = text.trim().toLowerCase();
  return [workflow_key, description ?? "", ...trigger.event_types].some((
    part,
  ) => part.toLowerCase().includes(wanted));
}

function NewWorkflow() {
  return html`
    <div class="page-head">
      <h1>Publish a workflow</h1>
    </div>
    <${Editor} workflowKey=${null} original=${EXAMPLE_WORKFLOW} sha256=${null}
      version=${null}
      onClose=${() => navigate(linkTo(["workflows"]))}
      onPublished=${(key: string) => navigate(linkTo(["workflows", key]))} />
  `;
}
