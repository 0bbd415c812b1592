// From drafts to the numbered steps of a definition: topological order, both directions of the graph,
// and the two steps that the compiler adds around the user's. Pure.
import {
  type CompiledStep,
  FAILURE_STEP_ID,
  START_STEP_ID,
  type StepConfig,
} from "../contract/compiled_workflow.ts";
import { describeDraft, type Draft, draftOwnStep } from "./draft.ts";
import type { DraftSettings } from "./draft_config.ts";
import { invertEdges, orderNodes } from "./graph.ts";

/**
 * Numbers the drafts of all phases: main, then what undoes, then on_failure, each in topological
 * order. `start` is what the first step evaluates, or null if there is nothing.
 */
export function numberSteps(
  drafts: readonly Draft[],
  start: NonNullable<StepConfig["start"]> | null,
  settings: DraftSettings,
): CompiledStep[] {
  const inPhase = (phase: Draft["phase"]) => drafts.filter((draft) => draft.phase === phase);
  const main = inPhase("main");
  const compensate = inPhase("compensate");
  const onFailure = orderDrafts(inPhase("on_failure"));
  const isHandled = compensate.length > 0 || onFailure.length > 0;
  const started = start === null ? main : addStart(main, start, settings);
  const ordered = orderDrafts(started);
  const all = [
    ...isHandled ? addFailure(ordered, settings) : ordered,
    ...compensate,
    ...onFailure,
  ];
  return linkDrafts(all);
}

function addStart(main: Draft[], start: StepConfig["start"], settings: DraftSettings): Draft[] {
  const config = { start, scoped: true } as const;
  return [
    draftOwnStep(START_STEP_ID, "start", config, settings),
    ...main.map((draft) =>
      draft.dependsOn.length > 0 ? draft : { ...draft, dependsOn: [START_STEP_ID] }
    ),
  ];
}

/**
 * The failure step waits for all that can fail: the ends of the graph, and the steps whose failure a
 * tolerant join would hide from them.
 */
function addFailure(main: Draft[], settings: DraftSettings): Draft[] {
  const waitedFor = new Set(main.flatMap((draft) => draft.dependsOn));
  const hidden = new Set(
    main.flatMap(({ join, dependsOn }) =>
      join?.rule === "early" || join?.rule === "done" ? dependsOn : []
    ),
  );
  const failure = draftOwnStep(FAILURE_STEP_ID, "failure", {}, settings);
  const dependsOn = main.map(({ id }) => id).filter((id) => !waitedFor.has(id) || hidden.has(id));
  return [...main, { ...failure, dependsOn, join: { rule: "failed", min: 0 } }];
}

/** Topological order; dependencies on steps that are not among the drafts count for nothing. */
export function orderDrafts(drafts: readonly Draft[]): Draft[] {
  const indexOfId = new Map(drafts.map(({ id }, index) => [id, index]));
  return orderNodes(
    drafts.map(({ dependsOn }) => dependsOn.flatMap((id) => indexOfId.get(id) ?? [])),
  )
    .map((index) => drafts[index]);
}

function linkDrafts(drafts: Draft[]): CompiledStep[] {
  const positionOfId = new Map(drafts.map(({ id }, position) => [id, position]));
  const locate = (ids: readonly string[]) =>
    ids.map((id) => positionOfId.get(id)!).toSorted((a, b) => a - b);
  const dependencies = drafts.map(({ dependsOn }) => locate(dependsOn));
  const dependents = invertEdges(dependencies);
  const isEarly = (position: number) => drafts[position].join?.rule === "early";
  const toStepNo = (position: number) => position + 1;
  return drafts.map((draft, position) => {
    const users = dependents[position].filter((user) => drafts[user].kind !== "failure");
    return {
      ...describeDraft(draft),
      step_no: toStepNo(position),
      depends_on: dependencies[position].map(toStepNo),
      dependents: dependents[position].map(toStepNo),
      reads: locate(draft.reads).map(toStepNo),
      is_sink: dependents[position].length === 0 || users.some(isEarly),
      is_result: draft.phase === "main" && draft.kind !== "failure" && draft.kind !== "start" &&
        users.every(isEarly),
      compensates: draft.compensates === null
        ? null
        : toStepNo(positionOfId.get(draft.compensates)!),
    };
  });
}
