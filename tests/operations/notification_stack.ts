// What the tests of notifications share: a stack that rings itself, receivers that it may send to, runs
// that end as asked, and a look at deliveries.
import assert from "node:assert/strict";
import { waitFor } from "../harness/stack.ts";
import { type HttpStack, type Json, openHttpStack } from "../http/http_stack.ts";
import { Receiver } from "./notification_receiver.ts";

export interface DeliveryRow {
  delivery_id: string;
  status: string;
  messages: number;
  attempts: number;
  status_code: number | null;
  error_text: string | null;
  workflow_run_id: string;
}

export interface NotificationStack extends HttpStack {
  receivers: Receiver[];
  /** Nobody listens there. */
  downUrl: string;
  /** Saves a destination; answers what was answered. */
  save(name: string, body: Json): Promise<Json>;
  post(path: string, body?: Json): Promise<Json>;
  /** Starts a run of a workflow that ends so, and waits for its end. */
  run(workflow: "good" | "bad"): Promise<string>;
  listDeliveries(name: string): Promise<DeliveryRow[]>;
  /** Time passes for the queue. */
  passTime(ms: number): Promise<void>;
  /** Wakes a worker, as the tick would. */
  wake(): Promise<void>;
  /** Deletes all destinations and what there is of them, and forgets what receivers got. */
  clear(): Promise<void>;
}

export async function openNotificationStack(receiverCount: number): Promise<NotificationStack> {
  const receivers = Array.from({ length: receiverCount }, () => new Receiver());
  const it = await openHttpStack({ loops: { cron: false, net: true } });
  const downHost = findClosedPort();
  const hosts = [...receivers.map(({ host }) => host), downHost];
  await it.sql`
    insert into orchestrator_settings (name, value)
    values ('allowed_webhook_hosts', ${it.sql.json(hosts)})`;
  await it.stack.restartFunction("orchestrator");
  it.agents.answer("own/good", () => Response.json({ ok: true, output: { secret_output: 1 } }));
  it.agents.answer("own/bad", () =>
    Response.json({ ok: false, error: "the <b>card</b> was declined" }));
  const post = async (path: string, body?: Json) => {
    const answer = await it.ask("POST", `/orchestrator${path}`, { body });
    assert.ok(answer.status < 300, `${path}: ${answer.text}`);
    return answer.body;
  };
  for (const key of ["good", "bad"]) {
    await post("/workflows", {
      source: JSON.stringify({
        key,
        trigger: { type: "manual" },
        steps: [{ id: "only", call: `/functions/v1/own/${key}` }],
      }),
    });
  }
  return {
    ...it,
    receivers,
    downUrl: `http://${downHost}/`,
    post,
    save: async (name, body) => {
      const answer = await it.ask("PUT", `/orchestrator/destinations/${name}`, { body });
      assert.equal(answer.status, 200, answer.text);
      return answer.body;
    },
    run: async (workflow) => {
      const { workflow_run_id } = await post("/dispatch", {
        user_id: "ada",
        workflow_key: workflow,
        payload: { secret_payload: 1 },
      });
      await waitFor(`a ${workflow} run`, async () => {
        const [row] = await it.sql`
          select status from workflow_runs where workflow_run_id = ${workflow_run_id as string}`;
        return row.status !== "running";
      });
      return workflow_run_id as string;
    },
    listDeliveries: async (name) => {
      const { body } = await it.ask("GET", `/orchestrator/destinations/${name}/deliveries`);
      return body.deliveries as DeliveryRow[];
    },
    passTime: async (ms) => {
      await it.sql`update orchestrator.clock set shift = shift + ${`${ms} ms`}::interval`;
    },
    wake: async () => {
      await it.sql`select orchestrator.tick_worker()`;
      await post("/worker");
    },
    clear: async () => {
      await it.sql`delete from orchestrator_destinations`;
      await it.sql`delete from orchestrator.notifications`;
      await it.sql`
        update job_queue set next_run_at = 'infinity'
        where finished_at is null and lease_token is null and agent = 'deliveries'`;
      await it.sql`delete from orchestrator.deliveries`;
      for (const receiver of receivers) receiver.clear();
    },
    stop: async () => {
      for (const receiver of receivers) await receiver.close();
      await it.stop();
    },
  };
}

function findClosedPort(): string {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return `127.0.0.1:${port}`;
}
