// A worker's entry among those that drain. While it stands, nobody is rung: whoever makes jobs ready
// counts on this worker to see them, so leaving is the database's decision or a successor's start.
import { logEvent } from "../log.ts";
import type { DrainRpc } from "./drain_seam.ts";

export class Registration {
  readonly #rpc: DrainRpc;
  readonly #workerId: string;

  constructor(rpc: DrainRpc, workerId: string) {
    this.#rpc = rpc;
    this.#workerId = workerId;
  }

  /** False: enough workers are draining already. */
  async enter(maxWorkers: number): Promise<boolean> {
    const { accepted } = await this.#rpc.startWorker({ workerId: this.#workerId, maxWorkers });
    return accepted;
  }

  /** Leaves an empty queue; false: work is due or being enqueued, drain on. */
  async leave(): Promise<boolean> {
    const { stopped } = await this.#rpc.stopWorker({ workerId: this.#workerId });
    return stopped;
  }

  /** Leaves whatever the queue holds, and rings a successor if it holds anything. */
  async resign(isWorkExpected: boolean): Promise<void> {
    const isEmpty = await this.leave();
    if (!isEmpty) await this.#rpc.stopWorker({ workerId: this.#workerId, force: true });
    if (!isEmpty || isWorkExpected) await this.#rpc.ringWorker();
  }

  /** Leaves after an error that is not the database's absence; the entry would end by itself later. */
  async abandon(): Promise<void> {
    try {
      await this.#rpc.stopWorker({ workerId: this.#workerId, force: true });
    } catch (error) {
      logEvent("warn", "worker.left_badly", { worker_id: this.#workerId, error });
    }
  }
}
