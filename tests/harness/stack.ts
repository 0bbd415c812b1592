// The whole system for one test file: a database of its own with the local stack on it, set up as a
// project would be, and a look into the calls that agents get.
import { fileURLToPath } from "node:url";
import { setUp } from "../../scripts/setup-orchestrator.ts";
import {
  type LoopSwitches,
  type Stack,
  type StackOptions,
  startStack,
} from "../../scripts/stack/mod.ts";
import { AgentDouble } from "./agents.ts";
import { openDatabase, type TestDatabase } from "./database.ts";
import { publish, type StepShape, writeWorkflow } from "./definition.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** Bounds a failure only; nothing takes that long. */
const GIVE_UP_MS = 60_000;

export interface OpenOptions {
  /** Settings of the orchestrator, such as {heartbeat_ms: 200}. */
  settings?: Record<string, number>;
  /** Other variables of the functions. */
  env?: Record<string, string>;
  loops?: LoopSwitches;
  /** Creates the bucket, publishes the repository's workflows, plans the ticks; true if not given. */
  isSetUp?: boolean;
  /** Static files by their path. */
  sites?: StackOptions["sites"];
  /** The tests write rows that no function of the engine would leave. */
  isArranged?: boolean;
  /** How long the tokens of signed-in users are valid. */
  sessionSeconds?: number;
  /** Another project than this one, and the database to clone for it. */
  root?: string;
  template?: string;
}

export interface HttpAnswer {
  status: number;
  headers: Headers;
  /** Parsed where it is JSON, which is everywhere but in a bug. */
  body: Record<string, unknown>;
}

export interface TestStack {
  db: TestDatabase;
  stack: Stack;
  agents: AgentDouble;
  /** Calls a route such as `orchestrator/dispatch` with the secret key. */
  post(route: string, body?: unknown, headers?: Record<string, string>): Promise<HttpAnswer>;
  get(route: string, headers?: Record<string, string>): Promise<HttpAnswer>;
  publish(key: string, steps: StepShape[], trigger?: Record<string, unknown>): Promise<void>;
  /** Creates runs and rings nobody; answers their ids. */
  enqueue(workflowKey: string, runs?: Enqueued[]): Promise<string[]>;
  /** Writes settings rows and starts the function anew, so that they count at once. */
  configure(settings: Record<string, number | null>): Promise<void>;
  /** Time passes for everything that the database dates. */
  passTime(ms: number): Promise<void>;
  close(): Promise<void>;
}

export interface Enqueued {
  user?: string;
  payload?: Record<string, unknown>;
  priority?: number;
}

/** Starts it all; the caller closes it, as with `Deno.test.afterAll(() => s.close())`. */
export async function openStack(options: OpenOptions = {}): Promise<TestStack> {
  const { root = ROOT, template } = options;
  const db = await openDatabase({ isArranged: options.isArranged, template });
  const agents = new AgentDouble();
  const close: (() => Promise<void>)[] = [() => agents.close(), () => db.close()];
  const closeAll = async () => {
    for (const end of close) await end();
  };
  try {
    const stack = await startStack({
      root,
      databaseUrl: db.url,
      port: 0,
      loops: options.loops,
      sites: options.sites,
      sessionSeconds: options.sessionSeconds,
      env: {
        EDGE_BASE_URL: agents.url,
        ...nameVariables(options.settings ?? {}),
        ...options.env,
      },
    });
    close.unshift(() => stack.stop());
    agents.connect(stack.url);
    if (options.isSetUp ?? true) {
      await setUp({ url: stack.url, serviceKey: stack.keys.secret, root });
    }
    return { db, stack, agents, ...createActions(db, stack), close: closeAll };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

type Actions = Omit<TestStack, "db" | "stack" | "agents" | "close">;

function createActions(db: TestDatabase, stack: Stack): Actions {
  const send = async (method: string, route: string, headers = {}, body?: unknown) => {
    const response = await fetch(`${stack.url}/functions/v1/${route}`, {
      method,
      headers: { apikey: stack.keys.secret, "content-type": "application/json", ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get("content-type") ?? "");
    return {
      status: response.status,
      headers: response.headers,
      body: isJson ? JSON.parse(text) : { text },
    };
  };
  return {
    post: (route, body, headers) => send("POST", route, headers, body),
    get: (route, headers) => send("GET", route, headers),
    publish: async (key, steps, trigger) => {
      await publish(db.rpc, writeWorkflow(key, steps, trigger));
    },
    enqueue: async (workflowKey, runs = [{}]) => {
      const requests = runs.map(({ user = "u", payload, priority }) => ({
        user_id: user,
        workflow_key: workflowKey,
        ...(payload === undefined ? {} : { payload }),
        ...(priority === undefined ? {} : { priority }),
      }));
      const { runs: created } = await db.rpc.dispatchWorkflows({ requests, ring: false });
      return created.map(({ workflow_run_id }) => workflow_run_id!);
    },
    configure: async (settings) => {
      for (const [name, value] of Object.entries(settings)) {
        await db.admin`delete from orchestrator_settings where name = ${name}`;
        if (value === null) continue;
        await db.admin`
          insert into orchestrator_settings (name, value) values (${name}, to_jsonb(${value}::int))`;
      }
      await stack.restartFunction("orchestrator");
    },
    // Signs of life and holds are dated by the server's own clock, which nobody can move: they go back.
    passTime: async (ms) => {
      const span = `${ms} ms`;
      await db.admin`
        with workers as (
          update orchestrator.workers set seen_at = seen_at - ${span}::interval
        ),
        bell as (
          update orchestrator.doorbell set rung_at = rung_at - ${span}::interval
        ),
        replies as (
          update agent_replies set claimed_until = claimed_until - ${span}::interval
        )
        update orchestrator.clock set shift = shift + ${span}::interval`;
    },
  };
}

function nameVariables(settings: Record<string, number>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [
      `ORCHESTRATOR_${name.toUpperCase()}`,
      String(value),
    ]),
  );
}

/** Asks again until the answer is neither undefined nor false. */
export async function waitFor<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  explain: () => string | Promise<string> = () => "",
): Promise<T> {
  for (const until = Date.now() + GIVE_UP_MS; Date.now() < until;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`waited ${GIVE_UP_MS / 1000} s for ${what} in vain\n${await explain()}`);
}

export interface EndedRun {
  workflow_run_id: string;
  status: string;
}

/** Makes a wait for runs to end; answers them in the order asked for. */
export function waitForRun(s: TestStack): (ids: string | string[]) => Promise<EndedRun[]> {
  return async (ids) => {
    const wanted = [ids].flat();
    return await waitFor(`${wanted.length} runs to end`, async () => {
      const rows = await s.db.admin<EndedRun[]>`
        select workflow_run_id, status from workflow_runs
        where workflow_run_id = any (${wanted}::uuid[]) and status <> 'running'
        order by array_position(${wanted}::uuid[], workflow_run_id)`;
      return rows.length === wanted.length && rows.map((row) => ({ ...row }));
    }, () => explainRuns(s, wanted));
  };
}

async function explainRuns({ db, stack }: TestStack, ids: string[]): Promise<string> {
  const jobs = await db.admin`
    select status, step_id, attempts, count(*)::int as jobs, max(error_text) as error
    from job_queue where workflow_run_id = any (${ids}::uuid[]) group by 1, 2, 3 order by 1, 2, 3`;
  const log = stack.logs("orchestrator").trim().split("\n").slice(-8);
  return [...jobs.map((row) => JSON.stringify(row)), "end of orchestrator.log:", ...log].join("\n");
}
