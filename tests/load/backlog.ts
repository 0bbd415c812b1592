// The caller: keeps a deep backlog by dispatching in bulk, so that the whole load is alike from its
// beginning to its end.
import type { PlannedRun } from "./load_plan.ts";

/** Runs that have not ended; more are dispatched when there are fewer. */
const OPEN_RUNS = 10_000;
/** Runs of one request. */
const BULK = 500;
const PATIENCE_MS = 60_000;

interface Answer {
  runs: { workflow_run_id: string | null; result: string }[];
}

export class Backlog {
  /** Runs that the caller was told of. */
  readonly acknowledged: string[] = [];

  constructor(
    readonly runs: readonly PlannedRun[],
    readonly target: { gatewayUrl: string; secretKey: string },
  ) {}

  get isDispatched(): boolean {
    return this.acknowledged.length === this.runs.length;
  }

  /** Dispatches until the backlog is full, or nothing is left. */
  async fill(endedRuns: number): Promise<void> {
    while (!this.isDispatched && this.acknowledged.length - endedRuns < OPEN_RUNS) {
      const from = this.acknowledged.length;
      await this.#dispatch(this.runs.slice(from, from + BULK));
    }
  }

  /** Nothing fails here, so whatever is not taken at once ends the load. */
  async #dispatch(runs: readonly PlannedRun[]): Promise<void> {
    const { gatewayUrl, secretKey } = this.target;
    const response = await fetch(`${gatewayUrl}/functions/v1/orchestrator/dispatch`, {
      method: "POST",
      headers: { apikey: secretKey, "content-type": "application/json" },
      body: JSON.stringify(runs),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const text = await response.text();
    if (response.status !== 202) {
      throw new Error(`dispatching ${runs.length} runs: answered ${response.status}: ${text}`);
    }
    for (const { workflow_run_id, result } of (JSON.parse(text) as Answer).runs) {
      if (workflow_run_id === null) {
        throw new Error(`dispatching: a run was not started: ${result}`);
      }
      this.acknowledged.push(workflow_run_id);
    }
  }
}
