// The dashboards: every query in them is run, as their data source would, after a load that has all that they
// show; and the role of the Postgres data source sees what is for it and nothing else.
import assert from "node:assert/strict";
import postgres from "postgres";
import { readRelations } from "../database/catalog.ts";
import { publish } from "../harness/definition.ts";
import { loseLeases } from "../harness/leases.ts";
import { openStack, waitFor } from "../harness/stack.ts";
import {
  type DashboardQuery,
  fillPromQl,
  fillSql,
  listQueries,
  readDashboards,
} from "./grafana_queries.ts";
import { startPrometheus } from "./prometheus.ts";

const TOKEN = "a-token-of-the-scraper-alone";
const ROLE = "orchestrator_grafana";
const ROLE_PASSWORD = "a password for this test";

const s = await openStack({
  env: { ORCHESTRATOR_METRICS_TOKEN: TOKEN },
  loops: { cron: false },
});
Deno.test.afterAll(() => s.close());

const dashboards = await readDashboards();

const FLOW = {
  key: "daily",
  trigger: { type: "cron", cron: "0 * * * *" },
  concurrency: { key: "'all'", max: 4 },
  steps: ["s1", "s2"].map((id, at) => ({
    id,
    call: "/functions/v1/agent-proxy/noop",
    depends_on: at === 0 ? [] : ["s1"],
  })),
};

let prepared: Promise<void> | undefined;

/** Once, before the first load, which then counts as an increase. */
const prepareOnce = () => prepared ??= prepare();

async function prepare(): Promise<void> {
  await publish(s.db.rpc, JSON.stringify(FLOW));
  await s.db.admin`
    insert into rate_limit_policies (pattern, capacity, refill_rate) values ('user:*:agent:noop', 4, 20)`;
  let calls = 0;
  s.agents.answer("agent-proxy/noop", () => {
    calls += 1;
    if (calls % 7 === 6) return Response.json({ ok: false }, { status: 400 });
    if (calls % 7 === 3) return Response.json({ ok: false }, { status: 500 });
    return Response.json({ ok: true, output: {} });
  });
  await s.db.sql`select orchestrator.tick_worker(), orchestrator.tick_cron()`;
}

/** A bit of everything that the dashboards show. */
async function load(): Promise<void> {
  const { rpc, sql, admin } = s.db;
  // A worker of the load before may be faster, and a token may be missing.
  const lost = await waitFor("a job for a worker that dies", async () => {
    await s.enqueue("daily");
    return (await rpc.leaseJobs({ workerId: "gone", limit: 1, leaseMs: 5_000 })).jobs[0];
  });
  await loseLeases(s.db, [lost.job_id]);
  await admin`
    update workflow_schedules set next_run_at = orchestrator.now() - interval '10 seconds'`;
  const { schedules } = await rpc.claimDueSchedules({ limit: 10 });
  await rpc.fireSchedules({
    ring: false,
    schedules: schedules.map(({ schedule_id, claim_token }) => ({
      schedule_id,
      claim_token,
      slots: [new Date().toISOString()],
      next_run_at: new Date(Date.now() + 3_600_000).toISOString(),
      missed: 1,
      last_missed_at: new Date().toISOString(),
    })),
  });
  for (const outcome of ["delivered", "retry"]) {
    await sql`select orchestrator.count(
      'webhook_deliveries_total', ${sql.json({ destination: "ops", outcome })})`;
  }
  const later = new Date(Date.now() + 3_600_000).toISOString();
  await rpc.dispatchWorkflows({
    requests: [{ user_id: "u", workflow_key: "daily", run_at: later }],
    ring: false,
  });
  const runs = await s.enqueue("daily", Array.from({ length: 12 }, () => ({})));
  await sql`select orchestrator.tick_worker(), orchestrator.tick_cron()`;
  await s.post("orchestrator/worker", {});
  await waitFor("half of the runs to end", async () => {
    const [{ ended }] = await admin`
      select count(*)::int as ended from workflow_runs
      where workflow_run_id = any (${runs}::uuid[]) and status <> 'running'`;
    return ended >= runs.length / 2;
  });
  await sql`select orchestrator.tick_worker(), orchestrator.tick_cron()`;
}

Deno.test("every query of the Prometheus dashboards has series after a load, and every rule is evaluated", async () => {
  const prometheus = await startPrometheus(
    `${s.stack.url}/functions/v1/orchestrator/metrics`,
    TOKEN,
    [new URL("../../monitoring/prometheus/orchestrator.rules.yml", import.meta.url)],
  );
  try {
    await prepareOnce();
    // Twice with a scrape behind each: a rate needs two values of a series.
    for (let round = 1; round <= 2; round++) {
      await load();
      const loadedAt = Date.now() / 1000;
      await waitFor("a scrape of what was done", async () => {
        const [scrape] = await prometheus.query("timestamp(orchestrator_build_info)");
        return scrape?.value > loadedAt;
      });
    }

    const variables = { instance: ".*", agent: ".*", step: ".*", workflow: "daily" };
    const queries = [...dashboards].flatMap(([name, board]) => listQueries(name, board))
      .filter(({ kind }) => kind !== "sql");
    assert.ok(queries.length > 50, `only ${queries.length} queries`);
    const hasSeries = async ({ kind, text }: DashboardQuery) => {
      const filled = fillPromQl(text, variables);
      if (kind === "promql") {
        // A quotient of nothing is no figure.
        return (await prometheus.query(filled)).some(({ value }) => !Number.isNaN(value));
      }
      const [, metric, label] = /^label_values\((.*), (\w+)\)$/.exec(filled)!;
      const values = await prometheus.ask<string[]>(
        `label/${label}/values?match[]=${encodeURIComponent(metric)}`,
      );
      return values.length > 0;
    };
    // Runs of the second load still go on.
    let silent = queries;
    await waitFor("series of every query", async () => {
      const still: DashboardQuery[] = [];
      for (const query of silent) if (!await hasSeries(query)) still.push(query);
      silent = still;
      return silent.length === 0;
    }, () => silent.map(({ where, text }) => `${where}: ${text}`).join("\n"));

    const { groups } = await prometheus.ask<{
      groups: { rules: { name: string; health: string; lastError?: string }[] }[];
    }>("rules");
    const rules = groups.flatMap((group) => group.rules);
    assert.ok(rules.length > 15);
    assert.deepEqual(rules.filter((rule) => rule.lastError !== undefined), []);
  } finally {
    await prometheus.stop();
  }
});

/** Connects as the operator's Grafana does. */
async function connectAsRole(): Promise<postgres.Sql> {
  await s.db.admin.unsafe(`alter role ${ROLE} with login password '${ROLE_PASSWORD}'`);
  const url = new URL(s.db.url);
  url.username = ROLE;
  url.password = encodeURIComponent(ROLE_PASSWORD);
  return postgres(url.href, { max: 1, onnotice: () => {} });
}

Deno.test("every query of the Postgres dashboard has rows, as the read-only role", async () => {
  await prepareOnce();
  await load();
  const sql = await connectAsRole();
  try {
    const queries = listQueries("postgres.json", dashboards.get("postgres.json")!);
    assert.ok(queries.length > 15, `only ${queries.length} queries`);
    const variables: Record<string, string[]> = {};
    // Variables first: the panels ask with what these offer.
    queries.sort((a, b) =>
      Number(b.where.includes(", variable ")) - Number(a.where.includes(", variable "))
    );
    const silent: string[] = [];
    for (const { where, text } of queries) {
      const rows = [...await sql.unsafe(fillSql(text, variables))];
      if (rows.length === 0) silent.push(where);
      assert.ok(rows.every((row) => Object.values(row).some((value) => value !== null)), where);
      const [, variable] = / variable (\w+)$/.exec(where) ?? [];
      if (variable !== undefined) variables[variable] = rows.map((row) => Object.values(row)[0]);
    }
    assert.deepEqual(silent, []);
    assert.ok(variables.workflow.includes("daily"));
  } finally {
    await sql.end();
  }
});

Deno.test("the read-only role reaches no table, changes nothing, and calls nothing of ours", async () => {
  const sql = await connectAsRole();
  const tell = (statement: string) =>
    sql.unsafe(statement).then(() => "done", (error) => `${error.code}`);
  try {
    const relations = await readRelations(s.db.admin);
    const isOpen = (name: string) => name.startsWith("orchestrator_monitoring.");
    assert.ok(relations.filter(({ name }) => isOpen(name)).length >= 10);
    for (const { name } of relations) {
      const expected = isOpen(name) ? "done" : "42501";
      assert.equal(await tell(`select * from ${name} limit 0`), expected, name);
    }
    for (const schema of ["vault.decrypted_secrets", "auth.users", "storage.objects"]) {
      assert.equal(await tell(`select * from ${schema} limit 0`), "42501", schema);
    }
    assert.equal(await tell("select public.get_settings()"), "42501");
    // Its own setting stops it before its rights do, and it may change that; its rights stop it then.
    assert.equal(await tell("create table public.mine ()"), "25006");
    await sql`set default_transaction_read_only = off`;
    assert.equal(await tell("create table public.mine ()"), "42501");
    for (const { name } of relations) {
      // 55000: nobody can delete from a view that groups.
      assert.match(await tell(`delete from ${name}`), /^(42501|55000)$/, name);
    }
    const [{ timeout }] = await sql`select current_setting('statement_timeout') as timeout`;
    assert.equal(timeout, "15s");
  } finally {
    await sql.end();
  }
});

Deno.test("no view of the read-only role has a column for payloads, outputs, texts of errors or users", async () => {
  const columns = await s.db.admin<{ name: string }[]>`
    select distinct a.attname as name
    from pg_attribute a join pg_class c on c.oid = a.attrelid
    where c.relnamespace = 'orchestrator_monitoring'::regnamespace and c.relkind = 'v' and a.attnum > 0`;
  const names = columns.map(({ name }) => name);
  assert.ok(names.length > 40);
  const secret = /payload|input|output|error_text|user|intent|token|secret|reason|logs|key$|url/;
  assert.deepEqual(names.filter((name) => secret.test(name)), ["workflow_key"]);
});

Deno.test("every panel has a description and a unit, and none lies on another", () => {
  const ids = [...dashboards.values()].map((board) => board.uid);
  assert.equal(new Set(ids).size, 4);
  for (const [name, board] of dashboards) {
    assert.ok(board.schemaVersion >= 39, name);
    assert.equal(new Set(board.panels.map((panel) => panel.id)).size, board.panels.length, name);
    const taken = new Set<string>();
    for (const { type, title, description, gridPos: { x, y, w, h }, fieldConfig } of board.panels) {
      for (let cell = 0; cell < w * h; cell++) {
        const at = `${x + cell % w},${y + Math.floor(cell / w)}`;
        assert.ok(!taken.has(at) && x + w <= 24, `${name}, ${title}: ${at} is taken`);
        taken.add(at);
      }
      if (type === "row") continue;
      assert.match(description ?? "", /\.$/, `${name}, ${title}`);
      assert.ok(fieldConfig?.defaults.unit, `${name}, ${title}`);
    }
    const offered = board.templating.list.map((variable) => variable.name);
    assert.ok(offered.includes("datasource"), name);
  }
});
