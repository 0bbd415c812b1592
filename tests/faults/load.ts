// The caller: dispatches rounds of runs and sends the events that they wait for, over the gateway and
// with idempotency keys, again and again until it is told that it was done.
import { pause } from "./pause.ts";
import { AWAITED_EVENT, WORKFLOWS } from "./workflows.ts";

export interface LoadOptions {
  gatewayUrl: string;
  secretKey: string;
  /** Between two rounds. */
  roundMs: number;
}

const TRY_MS = 8_000;
const PAUSE_MS = 200;
/** Bounds a failure only: no fault lasts that long. */
const PATIENCE_MS = 120_000;
const FUNCTIONS = "functions/v1/orchestrator";

interface Answer {
  runs: { workflow_run_id: string | null; result: string }[];
}

export class Load {
  readonly #options: LoadOptions;
  readonly #sending = new Set<Promise<void>>();
  #number = 0;
  #timer: ReturnType<typeof setInterval> | undefined;
  #failure: unknown;
  /** Runs that the caller was told of. */
  readonly acknowledged: string[] = [];
  /** Requests that had to be sent again. */
  repeated = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  start(): void {
    this.#sendRound();
    this.#timer = setInterval(() => this.#sendRound(), this.#options.roundMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Resolves when everything that was sent was taken; throws what was refused. */
  async finish(): Promise<void> {
    while (this.#sending.size > 0) await Promise.all(this.#sending);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Wakes a worker, as a tick would. */
  async ring(): Promise<void> {
    await this.#try(`${FUNCTIONS}/worker`, {});
  }

  #sendRound(): void {
    const requests: { n: number; workflow: string }[] = [];
    for (const { key, runs } of WORKFLOWS) {
      for (let at = 0; at < runs; at++) requests.push({ n: ++this.#number, workflow: key });
    }
    const sending = this.#startRuns(requests)
      .catch((error) => this.#failure ??= error)
      .then(() => void this.#sending.delete(sending));
    this.#sending.add(sending);
  }

  async #startRuns(requests: { n: number; workflow: string }[]): Promise<void> {
    const answer = await this.#send(
      `${FUNCTIONS}/dispatch`,
      requests.map(({ n, workflow }) => ({
        user_id: `u${n % 5}`,
        workflow_key: workflow,
        payload: { n },
        idempotency_key: `load-${n}`,
      })),
    ) as Answer;
    for (const { workflow_run_id, result } of answer.runs) {
      if (workflow_run_id === null) throw new Error(`a run was not started: ${result}`);
      this.acknowledged.push(workflow_run_id);
    }
    await Promise.all(
      requests.filter(({ workflow }) => workflow === "faults_wait_v1").map(({ n }) =>
        this.#send(`${FUNCTIONS}/events`, {
          user_id: `u${n % 5}`,
          type: AWAITED_EVENT,
          payload: { n },
          idempotency_key: `event-${n}`,
        })
      ),
    );
  }

  async #send(path: string, body: unknown): Promise<unknown> {
    for (const until = Date.now() + PATIENCE_MS; Date.now() < until;) {
      const answer = await this.#try(path, body);
      if (answer.status >= 200 && answer.status < 300) return JSON.parse(answer.text);
      // Everything else is the caller's fault, which no repetition mends.
      if (answer.status >= 400 && answer.status < 500 && answer.status !== 429) {
        throw new Error(`${path} was refused with ${answer.status}: ${answer.text}`);
      }
      this.repeated++;
      await pause(PAUSE_MS);
    }
    throw new Error(`${path} was not taken within ${PATIENCE_MS / 1000} s`);
  }

  async #try(path: string, body: unknown): Promise<{ status: number; text: string }> {
    const { gatewayUrl, secretKey } = this.#options;
    try {
      const response = await fetch(`${gatewayUrl}/${path}`, {
        method: "POST",
        headers: { apikey: secretKey, "content-type": "application/json" },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(TRY_MS),
      });
      return { status: response.status, text: await response.text() };
    } catch (error) {
      return { status: 0, text: String(error) };
    }
  }
}
