// The plan of a step that runs another workflow: it starts a run of it, and takes that run's outputs.
// Serves stage 5.
import type { Json, LeasedJob, Parked } from "../database/rows.ts";
import { measureJson } from "../outputs/json_text.ts";
import type { OutputReader } from "../outputs/store.ts";
import { refuseLargeOutput } from "./classify.ts";
import type { Attempt } from "./drain_seam.ts";
import { die } from "./plan_end.ts";
import { fetchOutput } from "./scope.ts";

type ParkedForRun = Extract<Parked, { for: "run" }>;

/** Starts the sub-run; `payload` is what `with` came to. */
export function planRun(
  { config, step_id }: LeasedJob,
  payload: unknown,
  maxBytes: number,
): Attempt {
  if (!isObject(payload)) {
    const got = payload === null ? "null" : Array.isArray(payload) ? "a list" : typeof payload;
    return die("validation", `step ${step_id}: with must be a map for a sub-workflow, got ${got}`);
  }
  if (measureJson(payload) > maxBytes) {
    return refuseLargeOutput(`step ${step_id}: with is larger than ${maxBytes} bytes`);
  }
  return {
    outcome: "park",
    parked: { for: "run" },
    start_run: { workflow_key: config.workflow!, payload },
  };
}

/** The sub-run has ended. */
export async function resumeRun(
  { config, step_id }: LeasedJob,
  parked: ParkedForRun,
  outputs: OutputReader,
  maxBytes: number,
): Promise<Attempt> {
  const { workflow_run_id, status } = parked;
  switch (status) {
    case "success":
      return await takeOutputs(step_id, parked, outputs, maxBytes);
    case "skipped":
      return { outcome: "success", output: null };
    case "running":
      return { outcome: "park", parked: { for: "run" } };
    case "failed":
    case "cancelled": {
      const text = `run ${workflow_run_id} of ${config.workflow} ended as ${status}`;
      return die("sub_workflow", `step ${step_id}: ${text}`);
    }
  }
}

async function takeOutputs(
  stepId: string,
  { workflow_run_id, outputs: inline, others }: ParkedForRun,
  store: OutputReader,
  maxBytes: number,
): Promise<Attempt> {
  const refs = Object.entries(others ?? {}).flatMap(([id, { output_ref }]) =>
    output_ref ? [{ id, ref: output_ref }] : []
  );
  const stored = refs.reduce((sum, { ref }) => sum + ref.bytes, 0);
  if (inline === null || stored + measureJson(inline) > maxBytes) {
    const text = `the outputs of run ${workflow_run_id} are larger than ${maxBytes} bytes together`;
    return refuseLargeOutput(`step ${stepId}: ${text}`);
  }
  const fetched = await Promise.all(
    refs.map(async ({ id, ref }) => [
      id,
      await fetchOutput(`step ${id} of run ${workflow_run_id}`, ref, store),
    ]),
  );
  return { outcome: "success", output: { ...inline, ...Object.fromEntries(fetched) } };
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
