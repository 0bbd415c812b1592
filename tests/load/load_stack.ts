// The local stack as a load needs it, without any fault on the way:
//
//   callers, pg_net ─▶ gateway to the fleet ─▶ WorkerFleet (processes) ─▶ FastAgent (a process)
//                                                   │ SUPABASE_URL
//                                                   ▼
//                                        the stack's gateway ─▶ PostgreSQL (the stack's own settings)
import { fileURLToPath } from "node:url";
import postgres from "postgres";
import { createDirectTransport } from "../../scripts/database_clone.ts";
import { setUp } from "../../scripts/setup-orchestrator.ts";
import { type Stack, startPostgres, startStack } from "../../scripts/stack/mod.ts";
import { createRpc } from "../../supabase/functions/_shared/database/rpc.ts";
import { FaultyGateway } from "../faults/faulty_gateway.ts";
import { WorkerFleet } from "../faults/worker_fleet.ts";
import { publish } from "../harness/definition.ts";
import { FastAgent } from "./fast_agent.ts";
import { WORKFLOWS, writeFile } from "./load_plan.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

export interface LoadStack {
  stack: Stack;
  /** Where callers and rings reach the workers. */
  gateway: FaultyGateway;
  fleet: WorkerFleet;
  agent: FastAgent;
  agentLog: string;
  /** The superuser's. */
  sql: postgres.Sql;
  /** Of the server. */
  dataFolder: string;
  close(): Promise<void>;
}

/** Starts it all, sets it up and publishes the workflows; settings but the number of workers are the defaults. */
export async function openLoadStack(
  { workers, say }: { workers: number; say: (line: string) => void },
): Promise<LoadStack> {
  const closers: (() => Promise<void> | void)[] = [];
  const close = async () => {
    for (const end of closers.splice(0).reverse()) await end();
  };
  try {
    const folder = await Deno.makeTempDir({ prefix: "load-" });
    closers.push(() => Deno.remove(folder, { recursive: true }));
    // The server has a user of its own where root starts it, who must get to the folder.
    await Deno.chmod(folder, 0o755);
    const dataFolder = `${folder}/server`;
    await Deno.mkdir(dataFolder);
    const server = await startPostgres({ dataDir: dataFolder, onProgress: say });
    closers.push(() => server.stop());
    const stack = await startStack({
      root: ROOT,
      databaseUrl: server.url,
      dataDir: `${folder}/stack`,
      port: 0,
    });
    closers.push(() => stack.stop());
    const gateway = await FaultyGateway.listen();
    closers.push(() => gateway.close());
    const agentLog = `${folder}/agent.ndjson`;
    const agent = await FastAgent.start(agentLog);
    closers.push(() => agent.stop());
    const { secret, serviceRoleJwt } = stack.keys;
    const fleet = new WorkerFleet({
      root: ROOT,
      folder,
      workers,
      env: {
        ORCHESTRATOR_WORKER_MAX_WORKERS: String(workers),
        SUPABASE_URL: stack.url,
        EDGE_BASE_URL: agent.url,
        SUPABASE_SECRET_KEYS: JSON.stringify({ default: secret }),
        SUPABASE_SERVICE_ROLE_KEY: serviceRoleJwt,
      },
    });
    closers.push(() => fleet.stop());
    gateway.open({ stackUrl: stack.url, fleet });
    await setUp({ url: stack.url, serviceKey: secret, root: ROOT, baseUrl: gateway.url });
    const sql = postgres(server.url, { max: 2, onnotice: () => {} });
    closers.push(() => sql.end());
    const rpc = createRpc(createDirectTransport(sql));
    for (const workflow of WORKFLOWS) await publish(rpc, writeFile(workflow));
    return { stack, gateway, fleet, agent, agentLog, sql, dataFolder, close };
  } catch (error) {
    await close();
    throw error;
  }
}
