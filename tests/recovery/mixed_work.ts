// Runs of every kind that must outlive an upgrade or a disaster: chains with retries, fan-outs, waits for an
// event, sleeps, and leases that a killed worker left behind.
import assert from "node:assert/strict";
import { type TestStack, waitFor } from "../harness/stack.ts";
import type { WorkLog } from "./work_log.ts";

export const WORK = "own/work";
export const HELD = "own/held";

const WORKFLOWS = [
  `
key: works_in_a_chain
trigger: {type: manual}
steps:
  - {id: first, call: /functions/v1/${WORK}}
  - {id: second, call: /functions/v1/${WORK}, depends_on: [first]}
  - {id: third, call: /functions/v1/${WORK}, depends_on: [second]}
`,
  `
key: works_on_items
trigger: {type: manual}
steps:
  - {id: first, call: /functions/v1/${WORK}}
  - id: each
    depends_on: [first]
    for_each: inputs.names
    call: /functions/v1/${WORK}
  - {id: last, call: /functions/v1/${WORK}, depends_on: [each]}
`,
  `
key: waits_for_a_word
trigger: {type: manual}
steps:
  - {id: first, call: /functions/v1/${WORK}}
  - {id: word, wait: {event: word_given, timeout: 1h}, depends_on: [first]}
  - {id: rest, sleep: 1s, depends_on: [word]}
  - {id: last, call: /functions/v1/${WORK}, depends_on: [rest]}
`,
  `
key: is_held
trigger: {type: manual}
steps:
  - {id: first, call: /functions/v1/${HELD}}
  - {id: last, call: /functions/v1/${WORK}, depends_on: [first]}
`,
];

/** Leases run out soon, and calls outlive a heartbeat. */
export const QUICK = {
  lease_ms: 6_000,
  heartbeat_ms: 100,
  retry_initial_ms: 100,
  retry_max_ms: 400,
};

/** Publishes the workflows and has the agents of a stack do their work, under one log. */
export async function prepareWork(
  s: Pick<TestStack, "post" | "agents">,
  log: WorkLog,
): Promise<void> {
  serveWork(s, log);
  for (const source of WORKFLOWS) {
    const { status, body } = await s.post("orchestrator/workflows", { source });
    assert.equal(status, 201, JSON.stringify(body));
  }
}

export function serveWork(s: Pick<TestStack, "agents">, log: WorkLog): void {
  log.serve(s.agents, WORK, {
    delayMs: ({ attempt }) => attempt * 200,
    fails: ({ runId, stepId, attempt }) =>
      attempt === 1 && /[0-3]$/.test(runId) && stepId !== "last",
  });
  log.serve(s.agents, HELD, { hangs: ({ attempt }) => attempt === 1 });
}

/** Starts runs as a caller does, so that the function's own worker takes them. */
export async function startRuns(
  s: Pick<TestStack, "post">,
  key: string,
  count: number,
): Promise<string[]> {
  const requests = Array.from({ length: count }, () => ({
    user_id: "ada",
    workflow_key: key,
    payload: { names: ["a", "b", "c", "d", "e"] },
  }));
  const { status, body } = await s.post("orchestrator/dispatch", requests);
  assert.equal(status, 202, JSON.stringify(body));
  const runs = body.runs as { workflow_run_id: string }[];
  return runs.map((run) => run.workflow_run_id);
}

/** Starts some of all kinds, and kills the worker in their midst, while it holds the calls of three. */
export async function startMixedRuns(s: TestStack): Promise<string[]> {
  const waits = await startRuns(s, "waits_for_a_word", 4);
  await waitFor("the waits to begin", async () => {
    const [{ parked }] = await s.db.admin`
      select count(*)::int as parked from job_queue where status = 'parked' and step_id = 'word'`;
    return parked === waits.length;
  });
  const held = await startRuns(s, "is_held", 3);
  const others = [
    await startRuns(s, "works_in_a_chain", 12),
    await startRuns(s, "works_on_items", 4),
  ];
  await waitFor("the calls to be held", () => s.agents.of(...held).length === held.length);
  await s.stack.killFunction("orchestrator");
  const [{ orphans }] = await s.db.admin`
    select count(*)::int as orphans from job_queue
    where workflow_run_id = any (${held}::uuid[]) and status in ('leased', 'running')`;
  assert.equal(orphans, held.length, "a killed worker's leases are held");
  // Its registration lives on for a moment, so nobody rings: somebody is called by hand.
  assert.equal((await s.post("orchestrator/worker")).status, 202);
  return [waits, held, ...others].flat();
}

/** The word that the waits are for; one event ends the waits of all runs. */
export async function giveWord(s: Pick<TestStack, "post">): Promise<void> {
  const { status } = await s.post("orchestrator/events", { user_id: "ada", type: "word_given" });
  assert.equal(status, 201);
}

export async function countEnded(s: TestStack): Promise<number> {
  const [{ ended }] = await s.db.admin`
    select count(*)::int as ended from workflow_runs where status <> 'running'`;
  return ended;
}
