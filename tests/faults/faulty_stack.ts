// The whole system, with a place for each fault:
//
//   callers, pg_net ─▶ FaultyGateway ─▶ WorkerFleet (processes with a clock of their own)
//                          ▲   │             │
//                          └───┼─────────────┤ SUPABASE_URL          ─▶ FaultyAgents (and their log)
//                              ▼             EDGE_BASE_URL
//                       the stack's gateway ─▶ TcpProxy ─▶ FaultyDatabase (a disk that can be full)
import { fileURLToPath } from "node:url";
import type postgres from "postgres";
import { setUp } from "../../scripts/setup-orchestrator.ts";
import { createDirectTransport } from "../../scripts/database_clone.ts";
import { type Stack, startStack } from "../../scripts/stack/mod.ts";
import { createRpc } from "../../supabase/functions/_shared/database/rpc.ts";
import { publish } from "../harness/definition.ts";
import { FaultyAgents } from "./faulty_agents.ts";
import { FaultyDatabase } from "./faulty_database.ts";
import { FaultyGateway } from "./faulty_gateway.ts";
import { AgentLog } from "./history/agent_log.ts";
import type { AgentKind } from "./plan.ts";
import { TcpProxy } from "./tcp_proxy.ts";
import { WorkerFleet } from "./worker_fleet.ts";
import { SHARED_BUCKET, WORKFLOWS, writeFile } from "./workflows.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** Short times, so that leases run out, workers retire and ticks come within the load. */
const WORKER_SETTINGS: Record<string, string> = {
  ORCHESTRATOR_LEASE_MS: "3000",
  ORCHESTRATOR_HEARTBEAT_MS: "500",
  ORCHESTRATOR_WORKER_BUDGET_MS: "15000",
  ORCHESTRATOR_WORKER_WALL_CLOCK_MS: "20000",
  ORCHESTRATOR_WORKER_MAX_WORKERS: "4",
};
const TICK = "2 seconds";

export interface FaultyStackOptions {
  seed: number;
  workers: number;
  agentKinds: readonly AgentKind[];
  diskMegabytes: number;
  say: (line: string) => void;
}

export interface FaultyStack {
  stack: Stack;
  database: FaultyDatabase;
  proxy: TcpProxy;
  gateway: FaultyGateway;
  fleet: WorkerFleet;
  agents: FaultyAgents;
  log: AgentLog;
  close(): Promise<void>;
}

/** Starts it all, sets it up and publishes the workflows of the load. */
export async function openFaultyStack(options: FaultyStackOptions): Promise<FaultyStack> {
  const closers: (() => Promise<void> | void)[] = [];
  const close = async () => {
    for (const end of closers.splice(0).reverse()) await end();
  };
  try {
    const folder = await Deno.makeTempDir({ prefix: "faults-" });
    closers.push(() => Deno.remove(folder, { recursive: true }));
    const database = await FaultyDatabase.start(options.diskMegabytes, options.say);
    closers.push(() => database.close());
    const proxy = new TcpProxy({ hostname: "127.0.0.1", port: database.port });
    closers.push(() => proxy.close());
    const databaseUrl = new URL(database.url);
    databaseUrl.port = String(proxy.port);
    const stack = await startStack({
      root: ROOT,
      databaseUrl: databaseUrl.href,
      dataDir: `${folder}/stack`,
      port: 0,
      onProgress: options.say,
    });
    closers.push(() => stack.stop());
    const gateway = await FaultyGateway.listen();
    closers.push(() => gateway.close());
    const log = new AgentLog(`${folder}/agents.ndjson`);
    closers.push(() => log.close());
    const agents = await FaultyAgents.listen({
      seed: options.seed,
      log,
      kinds: options.agentKinds,
      gatewayUrl: gateway.url,
    });
    closers.push(() => agents.close());
    const { secret, serviceRoleJwt } = stack.keys;
    const fleet = new WorkerFleet({
      root: ROOT,
      folder,
      workers: options.workers,
      env: {
        ...WORKER_SETTINGS,
        SUPABASE_URL: gateway.url,
        EDGE_BASE_URL: agents.url,
        SUPABASE_SECRET_KEYS: JSON.stringify({ default: secret }),
        SUPABASE_SERVICE_ROLE_KEY: serviceRoleJwt,
      },
    });
    closers.push(() => fleet.stop());
    gateway.open({ stackUrl: stack.url, fleet });
    await setUp({
      url: stack.url,
      serviceKey: secret,
      root: ROOT,
      baseUrl: gateway.url,
    });
    await database.ask(prepareLoad);
    return { stack, database, proxy, gateway, fleet, agents, log, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function prepareLoad(sql: postgres.Sql): Promise<void> {
  const rpc = createRpc(createDirectTransport(sql));
  for (const workflow of WORKFLOWS) await publish(rpc, writeFile(workflow));
  const { key, capacity, refillPerSecond } = SHARED_BUCKET;
  await sql`
    insert into rate_limit_policies (pattern, capacity, refill_rate)
    values (${key}, ${capacity}, ${refillPerSecond})
    on conflict (pattern) do nothing`;
  await sql`update cron.job set schedule = ${TICK} where jobname = 'orchestrator-worker'`;
}
