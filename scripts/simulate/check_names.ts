// Whether a script's names are there to be meant: a misspelt step would silently get the default
// answer.
import type { CompiledWorkflow } from "../../supabase/functions/_shared/contract/compiled_workflow.ts";
import { findNearNames } from "../../supabase/functions/_shared/workflow/near.ts";
import { writePath } from "../../supabase/functions/_shared/workflow/problems.ts";
import type { SimulationScript } from "./agent_script.ts";
import type { ScriptFault } from "./read_script.ts";

/** Finds agents and approvals that no step of the workflows answers to. */
export function checkNames(
  { agents = {}, approvals = {} }: SimulationScript,
  workflows: readonly CompiledWorkflow[],
): ScriptFault[] {
  const waits = listStepNames(workflows, (kind) => kind === "wait");
  const called = listStepNames(workflows, (kind) => kind === "call");
  const calls = workflows.flatMap(({ steps }) => steps.flatMap(({ config }) => config.call ?? []));
  // Steps that an agent appends have names that nobody knows before.
  const isOpen = workflows.some(({ steps }) =>
    steps.some(({ config }) => config.may_append === true)
  );
  const unknownAgents = isOpen
    ? []
    : Object.keys(agents).filter((name) =>
      !called.has(name.replace(/\[\d+\]$/, "")) && !calls.includes(name)
    );
  return [
    ...unknownAgents.map((name) =>
      fault(["agents", name], "names no step that calls an agent", [...called, ...calls])
    ),
    ...Object.keys(approvals).filter((name) => !isOpen && !waits.has(name)).map((name) =>
      fault(["approvals", name], "names no step that waits for an event", [...waits])
    ),
  ];
}

/** Ids of steps, and the same with the workflow's key before them. */
function listStepNames(
  workflows: readonly CompiledWorkflow[],
  isMeant: (kind: string) => boolean,
): Set<string> {
  return new Set(
    workflows.flatMap(({ key, steps }) =>
      steps.filter(({ kind }) => isMeant(kind)).flatMap((
        { step_id },
      ) => [step_id, `${key}/${step_id}`])
    ),
  );
}

function fault(path: string[], reason: string, known: string[]): ScriptFault {
  const near = findNearNames(path[1], known);
  const list = known.filter((name) => !name.includes("/") || name.startsWith("/"));
  const expected = list.length === 0 ? "there is none" : `expected one of ${list.join(", ")}`;
  return { path, message: `${writePath(path)} ${reason}: ${expected}`, near, isKey: true };
}
