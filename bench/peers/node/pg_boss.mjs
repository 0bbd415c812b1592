// pg-boss: one queue whose workers are woken by NOTIFY and fetch on while their batches come back full.
import { PgBoss } from "pg-boss";
import pg from "pg";

const QUEUE = "noop";
const CHUNK = 5_000;

export async function openEngine({ url, setting, onCall }) {
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  const boss = new PgBoss({
    connectionString: url,
    max: setting.localConcurrency + 2,
    useListenNotify: true,
    // Nothing is scheduled and nothing expires during a drain.
    schedule: false,
    supervise: false,
  });
  boss.on("error", (error) => {
    throw error;
  });
  await boss.start();
  await boss.createQueue(QUEUE, { notify: true });
  return {
    async enqueue(from, count) {
      for (let at = from; at < from + count; at += CHUNK) {
        const length = Math.min(CHUNK, from + count - at);
        await boss.insert(QUEUE, Array.from({ length }, (_, n) => ({ data: { n: at + n } })));
      }
    },
    async start() {
      await boss.work(QUEUE, setting, (jobs) => {
        for (const job of jobs) onCall(job.data.n);
        return Promise.resolve();
      });
    },
    async stop() {
      await boss.offWork(QUEUE, { wait: true });
    },
    async countOpen() {
      const { rows } = await pool.query(
        "select count(*)::integer as open from pgboss.job where name = $1 and state < 'completed'",
        [QUEUE],
      );
      return rows[0].open;
    },
    async countEnded() {
      const { rows } = await pool.query(
        "select count(*)::integer as ended from pgboss.job where name = $1 and state = 'completed'",
        [QUEUE],
      );
      return rows[0].ended;
    },
  };
}
