// graphile-worker: jobs of one task, with its settings as given. It deletes a job that succeeded.
import { Logger, makeWorkerUtils, run } from "graphile-worker";
import pg from "pg";

const CHUNK = 5_000;

export async function openEngine({ url, setting, onCall }) {
  const pgPool = new pg.Pool({ connectionString: url, max: setting.concurrentJobs + 2 });
  // Lost connections show in the jobs; without a listener an idle one's error would end the process.
  pgPool.on("error", () => {});
  pgPool.on("connect", (client) => client.on("error", () => {}));
  const logger = new Logger(() => () => {});
  const utils = await makeWorkerUtils({ pgPool, logger });
  await utils.migrate();
  let runner;
  return {
    async enqueue(from, count) {
      for (let at = from; at < from + count; at += CHUNK) {
        const length = Math.min(CHUNK, from + count - at);
        await utils.addJobs(
          Array.from({ length }, (_, n) => ({ identifier: "noop", payload: { n: at + n } })),
        );
      }
    },
    async start() {
      runner = await run({
        pgPool,
        logger,
        noHandleSignals: true,
        taskList: { noop: ({ n }) => onCall(n) },
        preset: { worker: setting },
      });
    },
    async stop() {
      await runner.stop();
    },
    async countOpen() {
      const { rows } = await pgPool.query(
        "select count(*)::integer as open from graphile_worker._private_jobs",
      );
      return rows[0].open;
    },
    countEnded: () => null,
  };
}
