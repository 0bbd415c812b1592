// Which engines are measured with which settings: those that made each fastest on two cores, and for
// graphile-worker also the ones that it has by default.
import type { PeerSize } from "../settings.ts";

export interface PeerCase {
  figure: string;
  /** Name of the package, and of its adapter in node/. */
  package: string;
  engine: string;
  /** What the adapter reads: where the engine has such options, by their own names. */
  setting: Record<string, unknown>;
  /** Which of the sizes of the settings it takes: what takes longer a job gets fewer. */
  size: PeerSize;
}

/** Every setting that is measured; the batch is 100 or larger where the engine has batches. */
export const PEER_CASES: PeerCase[] = [
  {
    figure: "peer_graphile_worker_jobs_per_s",
    package: "graphile-worker",
    engine: "graphile_worker",
    setting: {
      concurrentJobs: 10,
      localQueue: { size: 500 },
      completeJobBatchDelay: 0,
      failJobBatchDelay: 0,
    },
    size: "batched",
  },
  {
    figure: "peer_graphile_worker_default_jobs_per_s",
    package: "graphile-worker",
    engine: "graphile_worker",
    setting: { concurrentJobs: 10 },
    size: "single",
  },
  {
    figure: "peer_pg_boss_jobs_per_s",
    package: "pg-boss",
    engine: "pg_boss",
    setting: { localConcurrency: 1, batchSize: 100, burstWhenBatchFull: true },
    size: "batched",
  },
  {
    figure: "peer_pg_boss_jobs_per_s_4conn",
    package: "pg-boss",
    engine: "pg_boss",
    setting: { localConcurrency: 4, batchSize: 100, burstWhenBatchFull: true },
    size: "batched",
  },
  {
    figure: "peer_dbos_3step_runs_per_s",
    package: "@dbos-inc/dbos-sdk",
    engine: "dbos",
    setting: { steps: 3, inFlight: 10 },
    size: "chains",
  },
];
