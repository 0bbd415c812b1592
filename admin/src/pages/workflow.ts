// One workflow: what it does, its text, its versions, and how to start it.
import type { Workflow } from "../../../supabase/functions/_shared/contract/dashboard.ts";
import { useRef } from "preact/hooks";
import { ApiError, get } from "../api.ts";
import { html } from "../html.ts";
import { POLL_MS, useLive } from "../live.ts";
import { linkTo, type Route } from "../router.ts";
import { Empty, Failure, Loading } from "../ui/states.ts";
import { findOpenTab, Tabs } from "../ui/tabs.ts";
import { WorkflowSummary } from "./workflow/summary.ts";
import { GraphTab } from "./workflow/graph_tab.ts";
import { RunTab } from "./workflow/run_tab.ts";
import { useUnchanged } from "./workflow/use_unchanged.ts";
import { VersionsTab } from "./workflow/versions_tab.ts";
import { YamlTab } from "./workflow/yaml_tab.ts";

const TABS = [
  { name: "graph", title: "Graph" },
  { name: "yaml", title: "YAML" },
  { name: "versions", title: "Versions" },
  { name: "run", title: "Run it" },
];

/** A long text is not fetched every second and a half. */
const LONG_SOURCE = 100_000;
const LONG_SOURCE_POLL_MS = 15_000;

export function WorkflowPage({ route }: { route: Route }) {
  const key = route.parts[1];
  const { data, error, reload } = useWorkflow(key);
  const compiled = useUnchanged(data?.compiled, data?.sha256);
  const open = findOpenTab(route, TABS);
  if (error instanceof ApiError && error.status === 404) {
    return html`<${Missing} workflowKey=${key} />`;
  }
  return html`
    <div class="page-head">
      <h1>${key}</h1>
      <div class="actions">
        <a class="button" href=${linkTo(["runs"], {
          workflow_key: key,
        })}>Runs</a>
        <a class="button" href=${linkTo(["schedules"], {
          workflow_key: key,
        })}>Schedules</a>
        <a class="button primary" href=${linkTo(route.parts, {
          tab: "run",
        })}>Run it…</a>
      </div>
    </div>
    ${error !== null && data === null &&
      html`<${Failure} error=${error} retry=${reload} />`}
    ${data === null && error === null &&
      html`<${Loading} what="the workflow" />`}
    ${data !== null && compiled !== undefined && html`
      <${WorkflowSummary} workflow=${data} />
      <${Tabs} route=${route} tabs=${TABS}
        label="Parts of this workflow" />
      ${open === "graph" &&
        html`<${GraphTab} compiled=${compiled} route=${route} />`}
      ${open === "yaml" &&
        html`<${YamlTab} workflow=${data} route=${route} reload=${reload} />`}
      ${open === "versions" &&
        html`<${VersionsTab} workflow=${data} route=${route} />`}
      ${open === "run" &&
        html`<${RunTab} key=${data.sha256} compiled=${compiled} source=${data.source} />`}
    `}
  `;
}

function Missing({ workflowKey }: { workflowKey: string }) {
  return html`
    <div class="page-head">
      <h1>This workflow is not there</h1>
    </div>
    <${Empty} title="Gone, or never there">
      No workflow has the key <code>${workflowKey}</code>.${" "}
      <a href=${linkTo(["workflows"])}>Go to all workflows</a>
    <//>
  `;
}

function useWorkflow(key: string) {
  const path = `/workflows/${encodeURIComponent(key)}`;
  const size = useRef(0);
  const live = useLive(
    path,
    () => get<Workflow>(path),
    size.current > LONG_SOURCE ? LONG_SOURCE_POLL_MS : POLL_MS,
  );
  size.current = live.data?.source.length ?? 0;
  return live;
}
