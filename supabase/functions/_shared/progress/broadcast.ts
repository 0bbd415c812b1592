// Tells apps over Realtime that a run has moved, so that they need not hold a stream open: a hint without
// content, on a private topic of the run's user. Best effort: whoever missed one sees the state when they look.
// https://supabase.com/docs/guides/realtime/broadcast
import { logEvent } from "../log.ts";

export interface MovedRun {
  workflow_run_id: string;
  user_id: string;
}

export interface BroadcasterOptions {
  /** The project's own address. */
  url: string;
  secretKey: string;
  /** Keeps the isolate alive until what was noted is sent. */
  waitUntil(promise: Promise<unknown>): void;
}

/** Messages of one request. */
const REQUEST_MESSAGES = 100;
const TIMEOUT_MS = 5_000;
/** Only users of the project's own can listen. */
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export class ProgressBroadcaster {
  readonly #options: BroadcasterOptions;
  readonly #moved = new Map<string, string>();
  #isWaiting = false;
  #isFailing = false;

  constructor(options: BroadcasterOptions) {
    this.#options = options;
  }

  /** Sends one hint for each of these runs within `everyMs`, however often they move until then. */
  note(runs: readonly MovedRun[], everyMs: number): void {
    for (const { workflow_run_id, user_id } of runs) {
      if (UUID.test(user_id)) this.#moved.set(workflow_run_id, user_id.toLowerCase());
    }
    if (this.#isWaiting || this.#moved.size === 0) return;
    this.#isWaiting = true;
    const sent = new Promise((resolve) => setTimeout(resolve, everyMs)).then(() => this.#sendAll());
    this.#options.waitUntil(sent);
  }

  async #sendAll(): Promise<void> {
    this.#isWaiting = false;
    const moved = [...this.#moved];
    this.#moved.clear();
    for (let at = 0; at < moved.length; at += REQUEST_MESSAGES) {
      await this.#send(moved.slice(at, at + REQUEST_MESSAGES));
    }
  }

  async #send(moved: [runId: string, userId: string][]): Promise<void> {
    const { url, secretKey } = this.#options;
    try {
      const response = await fetch(`${url}/realtime/v1/api/broadcast`, {
        method: "POST",
        headers: { apikey: secretKey, "content-type": "application/json" },
        body: JSON.stringify({
          messages: moved.map(([workflow_run_id, userId]) => ({
            topic: `run:${userId}:${workflow_run_id}`,
            event: "moved",
            payload: { workflow_run_id },
            private: true,
          })),
        }),
        // A redirect would take the secret key along.
        redirect: "error",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await response.body?.cancel();
      if (!response.ok) throw new Error(`Realtime answered ${response.status}`);
      this.#isFailing = false;
    } catch (error) {
      // Told once until it works again: a project without Realtime would fill its log.
      if (!this.#isFailing) logEvent("warn", "progress.not_broadcast", { error });
      this.#isFailing = true;
    }
  }
}
