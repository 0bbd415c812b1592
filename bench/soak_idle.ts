// Five minutes of a whole stack with nothing to do, its real loops running: how many statements the
// database gets and how many HTTP calls are made.
import { setUp } from "../scripts/setup-orchestrator.ts";
import { startStack } from "../scripts/stack/mod.ts";
import { chain, publish, writeWorkflow } from "../tests/harness/definition.ts";
import { type BenchServer, ROOT, withDatabase } from "./database.ts";
import { allowUnlimited } from "./ours/core.ts";

const IDLE_S = 300;
/** After the last run: over a minute, so that the first tick, which plans the slots, has passed. */
const REST_S = 75;

export interface Idleness {
  /** What clients asked, without the notes that pg_cron, or what stands in for it, takes of its own runs. */
  statements: number;
  httpCalls: number;
}

/** Measures once; a server of one's own that does not log to server.log in its data folder is not measured. */
export async function measureIdleness(
  server: BenchServer,
  say: (line: string) => void,
): Promise<Idleness | undefined> {
  return await withDatabase(server, async (database) => {
    const { admin } = database;
    const [{ isReadable }] = await admin`
      select exists (select from pg_ls_dir('.') as file where file = 'server.log') as "isReadable"`;
    if (!isReadable) return undefined;
    await admin.unsafe(`alter database ${database.name} set log_statement = 'all'`);
    const stack = await startStack({ root: ROOT, databaseUrl: database.url, port: 0 });
    try {
      await setUp({ url: stack.url, serviceKey: stack.keys.secret, root: ROOT });
      await allowUnlimited(database, "agent-proxy/noop");
      const rpc = database.connectRpc();
      await publish(rpc, writeWorkflow("idle_probe", chain(1)));
      // Not a stack that never worked, but one whose workers have come and gone.
      await rpc.dispatchWorkflow({ userId: "u", workflowKey: "idle_probe" });
      await pause(REST_S);
      const [{ open }] = await admin`
        select count(*)::integer as open from public.workflow_runs where status <> 'success'`;
      if (open > 0) throw new Error("the run before the rest did not end");
      const before = await look(admin, database.name);
      say(`${IDLE_S} s of a stack with nothing to do`);
      await pause(IDLE_S);
      const after = await look(admin, database.name);
      // The looks themselves are not in the log: their session is older than the setting. The ticks are.
      const statements = after.statements - before.statements;
      if (statements === 0) return undefined;
      return { statements, httpCalls: after.httpCalls - before.httpCalls };
    } finally {
      await stack.stop();
    }
  });
}

async function look(
  admin: Parameters<Parameters<typeof withDatabase>[1]>[0]["admin"],
  name: string,
): Promise<Idleness> {
  const [row] = await admin<{ statements: number; httpCalls: number }[]>`
    select
      (
        select count(*)::integer
        from regexp_split_to_table(pg_read_file('server.log'), ${"\n(?=\\d{4}-)"}) as entry
        where entry ~ ${`@${name} LOG:  (statement|execute [^:]*): `}
          and entry !~ '(cron[.]job_run_details|pg_backend_pid|set session role|reset role)'
      ) as statements,
      (
        select coalesce(last_value, 0)::integer from pg_sequences
        where schemaname = 'net' and sequencename like 'http_request_queue%'
      ) as "httpCalls"`;
  return row;
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
