// What is dispatched: a mix of workflows drawn from a seed, with exactly so many jobs that call an agent. Pure.
import { createRandom, pickFrom } from "../faults/random.ts";

const AGENT = "/functions/v1/fast";
const LISTED_ITEMS = 6;
const USERS = 50;

interface Workflow {
  key: string;
  steps: Record<string, unknown>[];
  /** Jobs of a run that call an agent. */
  calls: number;
  /** How often it is drawn, beside the others. */
  share: number;
}

const work = (id: string, more: Record<string, unknown> = {}) => ({
  id,
  call: `${AGENT}/work`,
  ...more,
});

/** The first one has a single job, which fills up whatever is left. */
export const WORKFLOWS: readonly Workflow[] = [
  { key: "load_single_v1", steps: [work("only")], calls: 1, share: 6 },
  {
    key: "load_chain_v1",
    steps: [
      work("a"),
      work("b", { depends_on: ["a"] }),
      work("c", { depends_on: ["b"] }),
    ],
    calls: 3,
    share: 2,
  },
  {
    key: "load_fan_out_v1",
    steps: [
      { id: "list", call: `${AGENT}/list` },
      work("each", {
        depends_on: ["list"],
        for_each: "steps.list.output.items",
        with: { item: "${{ item }}" },
      }),
      work("join", { depends_on: ["each"] }),
    ],
    calls: LISTED_ITEMS + 2,
    share: 1,
  },
];

/** What the agent answers a list with. */
export const ITEMS: readonly number[] = Array.from({ length: LISTED_ITEMS }, (_, place) => place);

/** YAML of a workflow, with all settings left to the defaults; JSON is YAML. */
export function writeFile({ key, steps }: Workflow): string {
  return JSON.stringify({ key, trigger: { type: "manual" }, steps });
}

export interface PlannedRun {
  user_id: string;
  workflow_key: string;
  payload: { n: number };
  idempotency_key: string;
}

export function planRuns({ seed, jobs }: { seed: number; jobs: number }): PlannedRun[] {
  const random = createRandom(seed);
  const drawn = WORKFLOWS.flatMap((workflow) => Array<Workflow>(workflow.share).fill(workflow));
  const runs: PlannedRun[] = [];
  for (let left = jobs; left > 0;) {
    const picked = pickFrom(drawn, random);
    const workflow = picked.calls <= left ? picked : WORKFLOWS[0];
    left -= workflow.calls;
    const n = runs.length + 1;
    runs.push({
      user_id: `u${Math.floor(random() * USERS)}`,
      workflow_key: workflow.key,
      payload: { n },
      idempotency_key: `load-${n}`,
    });
  }
  return runs;
}
