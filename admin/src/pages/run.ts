// One run: how it stands, its steps as graph, table and timeline, and the step that somebody looks at.
import { useCallback, useMemo, useRef, useState } from "preact/hooks";
import type { Run } from "../../../supabase/functions/_shared/contract/dashboard.ts";
import { ApiError, get } from "../api.ts";
import { html } from "../html.ts";
import { POLL_MS, useLive } from "../live.ts";
import { linkTo, type Route, setQuery } from "../router.ts";
import { Empty, NotYet } from "../ui/states.ts";
import { findOpenTab, type Tab, Tabs } from "../ui/tabs.ts";
import { Attention } from "./run/attention.ts";
import { alignClock } from "./run/clock.ts";
import { DataTab } from "./run/data_tab.ts";
import { RunGraph, type RunGraphProps } from "./run/graph.ts";
import { ENDED_POLL_MS } from "./run/items.ts";
import { PlanTab } from "./run/plan_tab.ts";
import { RunHead } from "./run/run_head.ts";
import { shareUnchanged } from "./run/share_unchanged.ts";
import { StepPanel } from "./run/step_panel.ts";
import { listSteps, MANY_STEPS, type ShownStep } from "./run/steps.ts";
import { StepsTable } from "./run/steps_table.ts";
import { Timeline } from "./run/timeline.ts";

const GRAPH = { name: "graph", title: "Graph" };
const STEPS = { name: "steps", title: "Steps" };
const OTHER_TABS: Tab[] = [
  { name: "timeline", title: "Timeline" },
  { name: "data", title: "Input & output" },
  { name: "plan", title: "Plan" },
];

/** What the server answers for a run that is gone, and for an id that never was one. */
const NOT_THERE = [400, 404];

export function RunPage({ route }: { route: Route }) {
  const id = route.parts[1];
  const [isOver, setOver] = useState(false);
  const before = useRef<Run | null>(null);
  const load = async () => {
    const run = await get<Run>(`/runs/${encodeURIComponent(id)}`);
    alignClock(run.database_time);
    setOver(run.finished_at !== null);
    return before.current = shareUnchanged(before.current, run);
  };
  const { data: run, error, reload } = useLive(
    id,
    load,
    isOver ? ENDED_POLL_MS : POLL_MS,
  );
  // Whole seconds that pass are told by the clock; the rest of the page asks what of the run has changed.
  const steps = useSteps(run);
  const isGone = error instanceof ApiError && NOT_THERE.includes(error.status);
  if (isGone) return html`<${Gone} id=${id} />`;
  if (run === null) {
    return html`
      <div class="page-head">
        <h1>Run</h1>
      </div>
      <${NotYet} what="the run" error=${error} retry=${() => void reload()} />
    `;
  }
  return html`
    <${Opened} route=${route} run=${run} steps=${steps}
      error=${error} reload=${reload} />
  `;
}

interface OpenedProps {
  route: Route;
  run: Run;
  steps: ShownStep[];
  error: Error | null;
  reload: () => Promise<void>;
}

function Opened({ route, run, steps, error, reload }: OpenedProps) {
  const select = useCallback((stepId: string | null, item?: number) => {
    setQuery({ step: stepId, item: item === undefined ? null : String(item) });
  }, []);
  const { step: selected, item } = route.query;
  const tabs = steps.length > MANY_STEPS
    ? [STEPS, GRAPH, ...OTHER_TABS]
    : [GRAPH, STEPS, ...OTHER_TABS];
  const tab = findOpenTab(route, tabs);
  const step = steps.find(({ job }) => job.step_id === selected);
  const parts = { steps, selected, select };
  return html`
    <${RunHead} run=${run} reload=${reload} />
    ${error instanceof ApiError &&
      html`<p class="problem">${error.message}</p>`}
    <${Attention} steps=${steps} select=${select} />
    <${Tabs} route=${route} tabs=${tabs} label="Views of this run"
      keep=${{ step: selected, item }} />
    <div class="run-body ${step === undefined ? "" : "has-panel"}">
      <section class="panel run-view" aria-label=${tabs.find(({ name }) => name === tab)?.title}>
        ${tab === "graph" && html`<${GraphTab} ...${parts} />`}
        ${tab === "steps" && html`<${StepsTable} ...${parts} />`}
        ${tab === "timeline" && html`<${Timeline} run=${run} ...${parts} />`}
        ${tab === "data" && html`<${DataTab} run=${run} />`}
        ${tab === "plan" && html`<${PlanTab} run=${run} />`}
      </section>
      ${step !== undefined && html`
        <${StepPanel} run=${run} step=${step} item=${readItem(item)}
          select=${select} reload=${reload} />
      `}
    </div>
  `;
}

function useSteps(run: Run | null): ShownStep[] {
  const before = useRef<ShownStep[]>([]);
  const jobs = run?.jobs;
  return useMemo(
    () => before.current = run === null ? [] : shareUnchanged(before.current, listSteps(run)),
    [jobs],
  );
}

/** Hundreds of boxes take a moment to place and more than a look to read: only if asked for. */
function GraphTab(props: RunGraphProps) {
  const [isAsked, setAsked] = useState(false);
  if (props.steps.length === 0) {
    return html`<${Empty} title="This run has no steps to draw" />`;
  }
  if (props.steps.length > MANY_STEPS && !isAsked) {
    return html`
      <${Empty} title=${`${props.steps.length} steps`}>
        A graph of so many is hard to read, and the tab Steps lists them all.<br />
        <button type="button" onClick=${() => setAsked(true)}>Draw it all the same</button>
      <//>
    `;
  }
  return html`<${RunGraph} ...${props} />`;
}

function readItem(item: string | undefined): number | null {
  return item !== undefined && /^\d{1,9}$/.test(item) ? Number(item) : null;
}

function Gone({ id }: { id: string }) {
  return html`
    <div class="page-head">
      <h1>This run is not there</h1>
    </div>
    <${Empty} title="Gone, or never there">
      No run has the id <code>${id}</code>. Runs that ended long ago are deleted with the history; an address that was
      copied in part leads nowhere.<br />
      <a href=${linkTo(["runs"])}>Go to all runs</a>
    <//>
  `;
}
