// The mixed load: every way in which steps wait for each other, for agents, for events and for time.

const AGENTS = "/functions/v1/faulty";

interface Step {
  id: string;
  [key: string]: unknown;
}

interface LoadWorkflow {
  key: string;
  steps: Step[];
  /** More of the file's top level. */
  more?: Record<string, unknown>;
  /** How its runs end. */
  end: "success" | "failed";
  /** Of each round of the load, so many runs. */
  runs: number;
}

const call = (role: string, step: Step): Step => ({ call: `${AGENTS}/${role}`, ...step });
const work = (step: Step): Step => call("work", step);

/** The bucket that all calls of one workflow share. */
export const SHARED_BUCKET = { key: "faults:shared", capacity: 10, refillPerSecond: 25 };

/** The type of the events that runs wait for. */
export const AWAITED_EVENT = "faults.approved";

export const WORKFLOWS: LoadWorkflow[] = [
  {
    key: "faults_chain_v1",
    end: "success",
    runs: 2,
    steps: [
      work({ id: "a" }),
      work({ id: "b", depends_on: ["a"] }),
      work({ id: "c", depends_on: ["b"] }),
      work({ id: "d", depends_on: ["c"] }),
    ],
  },
  {
    key: "faults_fan_out_v1",
    end: "success",
    runs: 1,
    steps: [
      call("list", { id: "list" }),
      work({
        id: "each",
        depends_on: ["list"],
        for_each: "steps.list.output.items",
        max_concurrency: 3,
        with: { item: "${{ item }}" },
      }),
      work({ id: "join", depends_on: ["each"] }),
    ],
  },
  {
    key: "faults_wait_v1",
    end: "success",
    runs: 1,
    steps: [
      work({ id: "ask" }),
      {
        id: "approve",
        depends_on: ["ask"],
        wait: { event: AWAITED_EVENT, match: "event.payload.n == inputs.n" },
      },
      { id: "rest", depends_on: ["approve"], sleep: "300ms" },
      work({ id: "act", depends_on: ["rest"] }),
    ],
  },
  {
    key: "faults_child_v1",
    end: "success",
    runs: 0,
    steps: [work({ id: "one" }), work({ id: "two", depends_on: ["one"] })],
  },
  {
    key: "faults_parent_v1",
    end: "success",
    runs: 1,
    steps: [
      work({ id: "before" }),
      {
        id: "child",
        depends_on: ["before"],
        workflow: "faults_child_v1",
        with: { n: "${{ inputs.n }}" },
      },
      work({ id: "after", depends_on: ["child"] }),
    ],
  },
  {
    key: "faults_async_v1",
    end: "success",
    runs: 1,
    steps: [
      call("later", { id: "write", mode: "async", callback_timeout: "4s" }),
      work({ id: "read", depends_on: ["write"] }),
    ],
  },
  {
    key: "faults_doomed_v1",
    end: "failed",
    runs: 1,
    steps: [
      work({ id: "book", compensate: { call: `${AGENTS}/work` } }),
      call("refuse", { id: "pay", depends_on: ["book"] }),
      work({ id: "never", depends_on: ["pay"] }),
    ],
    more: { on_failure: [work({ id: "apologize" })] },
  },
  {
    key: "faults_limited_v1",
    end: "success",
    runs: 1,
    steps: [
      work({ id: "first", rate_limit: SHARED_BUCKET.key }),
      work({ id: "second", depends_on: ["first"], rate_limit: SHARED_BUCKET.key }),
    ],
  },
  // As a schedule with many subscribers starts them: many runs in one request.
  { key: "faults_burst_v1", end: "success", runs: 6, steps: [work({ id: "only" })] },
];

/** YAML of a workflow; JSON is YAML. */
export function writeFile({ key, steps, more }: LoadWorkflow): string {
  return JSON.stringify({
    key,
    trigger: { type: "manual" },
    // Enough attempts for all that is done to them: a dead job is then a lost result.
    defaults: {
      timeout_ms: 1_200,
      retry: { max_attempts: 90, initial: "100ms", max: "600ms" },
    },
    steps,
    ...more,
  });
}
