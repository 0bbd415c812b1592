// DBOS: workflows of steps that do nothing, called directly and not through its queue, which would
// wait for polls. A call returns when the workflow's result is in the database.
import { DBOS } from "@dbos-inc/dbos-sdk";
import pg from "pg";

export async function openEngine({ url, setting: { steps, inFlight }, onCall }) {
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  DBOS.setConfig({
    name: "bench",
    systemDatabaseUrl: url,
    systemDatabasePoolSize: inFlight + 2,
    logLevel: "error",
  });
  const workflow = DBOS.registerWorkflow(async (n) => {
    for (let step = 1; step <= steps; step++) {
      await DBOS.runStep(() => Promise.resolve({ ok: true }), { name: `s${step}` });
    }
    onCall(n);
    return { ok: true };
  }, { name: "chain" });
  await DBOS.launch();
  const count = async (condition) => {
    const { rows } = await pool.query(
      `select count(*)::integer as count from dbos.workflow_status where ${condition}`,
    );
    return rows[0].count;
  };
  return {
    // There is no queue: a workflow exists from its call on.
    enqueue: () => {},
    async start(from, jobs) {
      let next = from;
      const callOn = async () => {
        while (next < from + jobs) await workflow(next++);
      };
      await Promise.all(Array.from({ length: inFlight }, callOn));
    },
    stop: () => {},
    countOpen: () => count("status <> 'SUCCESS'"),
    countEnded: () => count("status = 'SUCCESS'"),
  };
}
