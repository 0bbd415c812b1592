// The alert rules as the ticks look at them: each fires on what it is for, and ends; each is told once when it
// begins and once when it ends, whatever ticks do.
import assert from "node:assert/strict";
import { pruneEnded } from "../harness/old_history.ts";
import { parse } from "yaml";
import {
  dispatch,
  dispatchMany,
  publishChain,
  withDatabase,
} from "../dashboard/dashboard_database.ts";
import type { TestDatabase } from "../harness/database.ts";
import { publish, writeWorkflow } from "../harness/definition.ts";
import { dead, drain, lease, success } from "../harness/worker.ts";

const look = async ({ sql }: Pick<TestDatabase, "sql">) => {
  const [{ looked }] = await sql<{ looked: boolean }[]>`
    select orchestrator.evaluate_alerts() as looked from orchestrator.fold_metrics()`;
  return looked;
};

const pass = ({ admin }: TestDatabase, seconds: number) =>
  admin`update orchestrator.clock set shift = shift + ${seconds} * interval '1 second'`;

/** Half a minute later, as a tick does. */
const tick = async (db: TestDatabase, seconds = 30) => {
  await pass(db, seconds);
  assert.equal(await look(db), true);
};

const readTold = async ({ admin }: TestDatabase) =>
  (await admin<{ type: string; workflow_key: string | null; alert: string; subject: string }[]>`
    select type, workflow_key, data ->> 'alert' as alert, data ->> 'subject' as subject
    from orchestrator.notifications order by notification_id`).map((row) => ({ ...row }));

const readStates = async ({ rpc }: TestDatabase) =>
  (await rpc.listAlerts()).alerts.map(({ name, subject, state }) =>
    [name.replace("Orchestrator", ""), subject, state].filter((part) => part !== null).join(" ")
  );

/** Runs of one step that end as told. */
async function endRuns(db: TestDatabase, key: string, succeeded: number, failed: number) {
  const ids = await dispatchMany(db.rpc, key, succeeded + failed);
  const doomed = ids.slice(0, failed);
  await drain(db.rpc, (job) => doomed.includes(job.workflow_run_id) ? dead() : success());
}

/** A database with a look behind it and somebody who listens, whose rules other than these are off. */
const withRules = (names: string[], run: (db: TestDatabase) => Promise<void>) =>
  withDatabase(async (db) => {
    const wanted = names.map((name) => `Orchestrator${name}`);
    await db
      .admin`update orchestrator_alert_rules set enabled = false where name <> all (${wanted})`;
    await db.admin`
      insert into orchestrator_destinations (name, kind, url, types, created_at, changed_at)
      values ('ops', 'webhook', 'https://ops.example', '{alert.firing,alert.resolved}', now(), now())`;
    await publishChain(db.rpc, "daily", 1);
    await look(db);
    await run(db);
  });

const PROMETHEUS = new URL("../../monitoring/prometheus/", import.meta.url);

async function runPromtool(...args: string[]): Promise<string> {
  const command = new Deno.Command("promtool", { args, cwd: PROMETHEUS });
  const { success, stdout, stderr } = await command.output();
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.ok(success, said);
  return said;
}

interface PrometheusRule {
  alert?: string;
  expr: string;
  for?: string;
  labels: { severity: string };
  annotations: { description: string };
}

const readPrometheusAlerts = async (): Promise<PrometheusRule[]> => {
  const text = await Deno.readTextFile(new URL("orchestrator.rules.yml", PROMETHEUS));
  const { groups } = parse(text) as { groups: { rules: PrometheusRule[] }[] };
  return groups.flatMap((group) => group.rules).filter((rule) => rule.alert !== undefined);
};

Deno.test("Prometheus takes the rules, and each alert fires, does not fire, and ends as it should", async () => {
  assert.match(await runPromtool("check", "rules", "orchestrator.rules.yml"), /SUCCESS/);
  assert.match(await runPromtool("test", "rules", "orchestrator.rules.test.yml"), /SUCCESS/);
  const tests = await Deno.readTextFile(new URL("orchestrator.rules.test.yml", PROMETHEUS));
  for (const { alert } of await readPrometheusAlerts()) {
    const [, ...cases] = tests.split(`alertname: ${alert}\n`);
    const isFiring = cases.map((text) => !/^\s*exp_alerts: \[\]/.test(text));
    assert.deepEqual(
      [isFiring[0], isFiring.includes(true), isFiring.at(-1)],
      [false, true, false],
      alert,
    );
  }
});

Deno.test("the example of a scrape configuration is one", async () => {
  assert.match(await runPromtool("check", "config", "--syntax-only", "prometheus.yml"), /SUCCESS/);
});

Deno.test("the rules of Prometheus and those of the ticks are the same", () =>
  withDatabase(async ({ rpc }) => {
    const { rules } = await rpc.listAlerts();
    const prometheus = (await readPrometheusAlerts())
      // That nobody answers, the ticks cannot see.
      .filter((rule) => rule.alert !== "OrchestratorUnreachable")
      .map(({ alert, expr, for: hold = "0m", labels, annotations }) => ({
        name: alert!,
        severity: labels.severity,
        description: annotations.description,
        threshold: Number(/> ([\d.]+)\s*$/.exec(expr)![1]),
        at_least: Number(/>= (\d+)/.exec(expr)?.[1] ?? NaN),
        over_seconds: 60 * Number(/:increase(\d+)m/.exec(expr.replace("1h", "60m"))?.[1] ?? NaN),
        for_seconds: 60 * Number(/^(\d+)m$/.exec(hold)![1]),
      }))
      .sort((a, b) => a.name < b.name ? -1 : 1);
    assert.deepEqual(
      prometheus,
      rules.map((rule) => ({
        name: rule.name,
        severity: rule.severity,
        description: rule.description,
        threshold: rule.threshold,
        at_least: rule.at_least ?? NaN,
        over_seconds: rule.over_seconds ?? NaN,
        for_seconds: rule.for_seconds,
      })),
    );
  }));

Deno.test("failing runs are pending, fire after a minute, are told once, and are resolved once", () =>
  withRules(["RunsFailing"], async (db) => {
    await endRuns(db, "daily", 4, 2);
    await tick(db);
    assert.deepEqual(await readStates(db), ["RunsFailing daily pending"]);
    assert.deepEqual(await readTold(db), []);
    await tick(db);
    await tick(db);
    await tick(db);
    assert.deepEqual(await readStates(db), ["RunsFailing daily firing"]);
    const fired = {
      type: "alert.firing",
      workflow_key: "daily",
      alert: "OrchestratorRunsFailing",
      subject: "daily",
    };
    assert.deepEqual(await readTold(db), [fired]);
    for (let minutes = 0; minutes < 16; minutes++) await tick(db, 60);
    assert.deepEqual(await readStates(db), ["RunsFailing daily resolved"]);
    assert.deepEqual(await readTold(db), [fired, { ...fired, type: "alert.resolved" }]);
    // A day later nobody needs to know any more.
    await tick(db, 86_500);
    assert.deepEqual(await readStates(db), []);
    assert.equal((await readTold(db)).length, 2);
  }));

Deno.test("four runs are too few to speak of a ratio, and a tenth is not more than a tenth", () =>
  withRules(["RunsFailing"], async (db) => {
    await endRuns(db, "daily", 0, 4);
    await tick(db);
    assert.deepEqual(await readStates(db), []);
    await endRuns(db, "daily", 36, 0);
    await tick(db);
    assert.deepEqual(await readStates(db), []);
    await endRuns(db, "daily", 0, 1);
    await tick(db);
    assert.deepEqual(await readStates(db), ["RunsFailing daily pending"]);
  }));

Deno.test("what ended before the first look does not count, nor does pruning", () =>
  withDatabase(async (db) => {
    await publishChain(db.rpc, "daily", 1);
    await endRuns(db, "daily", 0, 9);
    await look(db);
    await tick(db);
    assert.deepEqual(await readStates(db), []);
    await pruneEnded(db);
    await tick(db);
    await tick(db);
    assert.deepEqual(await readStates(db), []);
  }));

Deno.test("two ticks at once are one look, and neither waits", () =>
  withRules(["DeadLettersRising"], async (db) => {
    await endRuns(db, "daily", 0, 1);
    await pass(db, 30);
    const other = db.connect();
    await db.sql.begin(async (tx) => {
      await tx`select orchestrator.fold_metrics()`;
      await tx`select orchestrator.evaluate_alerts()`;
      const [{ looked }] = await other.sql`select orchestrator.evaluate_alerts() as looked`;
      assert.equal(looked, false);
    });
    for (let round = 0; round < 5; round++) {
      const looks = () => [db, other].map((it) => it.sql`select orchestrator.evaluate_alerts()`);
      await Promise.all(looks());
    }
    assert.deepEqual((await readTold(db)).map((it) => it.type), ["alert.firing"]);
  }));

Deno.test("a tick that was away starts what was pending anew, and resolves what has ended meanwhile", () =>
  withRules(["QueueStalled", "RunsFailing"], async (db) => {
    await endRuns(db, "daily", 0, 5);
    await tick(db);
    for (const seconds of [60, 30]) await tick(db, seconds);
    assert.deepEqual(await readStates(db), ["RunsFailing daily firing"]);
    await dispatch(db.rpc, "daily");
    await pass(db, 200);
    await tick(db, 150);
    assert.deepEqual(await readStates(db), [
      "RunsFailing daily firing",
      "QueueStalled pending",
    ]);
    // Runs that failed while nobody looked, hours ago for all that is known.
    await endRuns(db, "daily", 0, 5);
    await dispatch(db.rpc, "daily");
    await tick(db, 7_200);
    assert.deepEqual(await readStates(db), [
      "QueueStalled pending",
      "RunsFailing daily resolved",
    ]);
    await tick(db, 60);
    assert.deepEqual(await readStates(db), ["QueueStalled firing", "RunsFailing daily resolved"]);
    assert.deepEqual((await readTold(db)).map(({ type, alert }) => [type, alert]), [
      ["alert.firing", "OrchestratorRunsFailing"],
      ["alert.resolved", "OrchestratorRunsFailing"],
      ["alert.firing", "OrchestratorQueueStalled"],
    ]);
  }));

Deno.test("a stalled queue fires and is over when the jobs were done", () =>
  withRules(["QueueStalled"], async (db) => {
    await dispatch(db.rpc, "daily");
    await tick(db, 299);
    assert.deepEqual(await readStates(db), []);
    // What waits to be looked at by a worker that does not come hides nothing.
    await db.admin`insert into orchestrator.signals (job_id) values (0)`;
    for (let ticks = 0; ticks < 3; ticks++) await tick(db);
    assert.deepEqual(await readStates(db), ["QueueStalled firing"]);
    assert.ok((await db.rpc.getHealth()).warnings.some((text) => /oldest due job/.test(text)));
    await db.admin`delete from orchestrator.signals`;
    await drain(db.rpc);
    await tick(db);
    assert.deepEqual(await readStates(db), ["QueueStalled resolved"]);
  }));

Deno.test("a tick of pg_cron that is silent is noticed by the other one", () =>
  withRules(["TickSilent"], async (db) => {
    // Ticks are dated by the server's own clock.
    const silence = (name: string, seconds: number) =>
      db.admin`
        insert into orchestrator.ticks (name, ticked_at)
        values (${name}, clock_timestamp() - ${seconds} * interval '1 second')
        on conflict (name) do update set ticked_at = excluded.ticked_at`;
    await silence("cron", 170);
    await db.sql`select orchestrator.tick_worker()`;
    assert.deepEqual(await readStates(db), []);
    await silence("cron", 190);
    for (let ticks = 0; ticks < 3; ticks++) {
      await pass(db, 30);
      await db.sql`select orchestrator.tick_worker()`;
    }
    assert.deepEqual(await readStates(db), ["TickSilent cron firing"]);
    await pass(db, 30);
    await db.sql`select orchestrator.tick_cron()`;
    assert.deepEqual(await readStates(db), ["TickSilent cron resolved"]);
  }));

Deno.test("the first dead letter of a workflow fires, and ends after a quarter of an hour without another", () =>
  withRules(["DeadLettersRising"], async (db) => {
    await endRuns(db, "daily", 0, 1);
    await tick(db);
    assert.deepEqual(await readStates(db), ["DeadLettersRising daily firing"]);
    for (let minutes = 0; minutes < 16; minutes++) await tick(db, 60);
    assert.deepEqual(await readStates(db), ["DeadLettersRising daily resolved"]);
    await endRuns(db, "daily", 0, 1);
    await tick(db);
    assert.deepEqual((await readTold(db)).map((it) => it.type), [
      "alert.firing",
      "alert.resolved",
      "alert.firing",
    ]);
  }));

Deno.test("a slot that nobody fires is late after two minutes; one that is paused is not", () =>
  withRules(["ScheduleLate"], async (db) => {
    const source = writeWorkflow("hourly", [{ id: "s1" }], { type: "cron", cron: "0 * * * *" });
    await publish(db.rpc, source);
    await tick(db);
    assert.deepEqual(await readStates(db), [], "not planned yet");
    await db
      .admin`update workflow_schedules set next_run_at = orchestrator.now() - interval '100 s'`;
    await tick(db, 10);
    assert.deepEqual(await readStates(db), []);
    for (let ticks = 0; ticks < 3; ticks++) await tick(db);
    assert.deepEqual(await readStates(db), ["ScheduleLate hourly firing"]);
    await db.admin`update workflow_schedules set paused_at = orchestrator.now()`;
    await tick(db);
    assert.deepEqual(await readStates(db), ["ScheduleLate hourly resolved"]);
  }));

Deno.test("an agent whose calls are put off for ten minutes fires", () =>
  withRules(["AgentLimited"], async (db) => {
    await db.admin`
      insert into rate_limit_policies (pattern, capacity, refill_rate)
      values ('user:*:agent:noop', 5, 0.05)`;
    await dispatchMany(db.rpc, "daily", 200);
    for (let minutes = 1; minutes <= 11; minutes++) {
      await drain(db.rpc);
      await tick(db, 60);
      const state = minutes <= 10 ? "pending" : "firing";
      assert.deepEqual(await readStates(db), [`AgentLimited noop ${state}`]);
    }
    const [{ value }] = (await db.rpc.listAlerts()).alerts;
    assert.ok(value > 0.5 && value <= 1, `${value}`);
    for (let minutes = 0; minutes < 6; minutes++) await tick(db, 60);
    assert.deepEqual(await readStates(db), ["AgentLimited noop resolved"]);
  }));

Deno.test("leases that run out fire", () =>
  withRules(["LeasesExpiring"], async (db) => {
    await dispatch(db.rpc, "daily");
    assert.equal((await lease(db.rpc)).length, 1);
    await pass(db, 60);
    await db.sql`select orchestrator.tick_worker()`;
    assert.deepEqual(await readStates(db), ["LeasesExpiring daily firing"]);
    for (let minutes = 0; minutes < 11; minutes++) await tick(db, 60);
    assert.deepEqual(await readStates(db), ["LeasesExpiring daily resolved"]);
  }));

Deno.test("a destination fires when for an hour none was delivered, until one is", () =>
  withRules(["DestinationFailing"], async (db) => {
    const deliver = (destination: string, outcome: string) =>
      db.sql`select orchestrator.count(
        'webhook_deliveries_total', ${db.sql.json({ destination, outcome })})`;
    for (let minutes = 0; minutes < 40; minutes += 4) {
      await deliver("ops", minutes === 0 ? "dead" : "retry");
      for (const outcome of ["retry", "delivered"]) await deliver("flaky", outcome);
      // Below what counts as having been away.
      await tick(db, 240);
      if (minutes === 24) {
        assert.deepEqual(await readStates(db), ["DestinationFailing ops pending"]);
      }
    }
    assert.deepEqual(await readStates(db), ["DestinationFailing ops firing"]);
    assert.deepEqual((await readTold(db)).map((it) => it.workflow_key), [null]);
    await deliver("ops", "delivered");
    await tick(db);
    assert.deepEqual(await readStates(db), ["DestinationFailing ops resolved"]);
  }));

Deno.test("a scheduled workflow without a success in two of its periods fires, and its next success ends it", () =>
  withRules(["ScheduleWithoutSuccess"], async (db) => {
    const source = writeWorkflow("hourly", [{ id: "s1" }], { type: "cron", cron: "0 * * * *" });
    await publish(db.rpc, source);
    const strike = () =>
      db.admin`
        update workflow_schedules
        set last_slot_at = orchestrator.now(), next_run_at = orchestrator.now() + interval '1 hour'`;
    await strike();
    await endRuns(db, "hourly", 1, 0);
    await tick(db);
    for (let hours = 0; hours < 2; hours++) {
      await pass(db, 3_600 - 60);
      await strike();
      await endRuns(db, "hourly", 0, 1);
      await tick(db);
      await tick(db);
    }
    assert.deepEqual(await readStates(db), []);
    for (let ticks = 0; ticks < 4; ticks++) await tick(db);
    assert.deepEqual(await readStates(db), ["ScheduleWithoutSuccess hourly firing"]);
    await endRuns(db, "hourly", 1, 0);
    await tick(db);
    assert.deepEqual(await readStates(db), ["ScheduleWithoutSuccess hourly resolved"]);
  }));

Deno.test("a rule that fails tells why and takes neither the others nor the tick along", () =>
  withRules(["TickSilent", "DeadLettersRising", "QueueStalled"], async (db) => {
    const readErrors = async () =>
      (await db.rpc.listAlerts()).rules.filter((rule) => rule.error !== null).map((rule) =>
        `${rule.name}: ${rule.error}`
      );
    await db.admin`alter table orchestrator.ticks rename to gone`;
    await endRuns(db, "daily", 0, 1);
    await tick(db);
    assert.deepEqual(await readErrors(), [
      'OrchestratorTickSilent: relation "orchestrator.ticks" does not exist',
    ]);
    assert.deepEqual(await readStates(db), ["DeadLettersRising daily firing"]);
    await db.admin`alter table orchestrator.gone rename to ticks`;
    await tick(db);
    assert.deepEqual(await readErrors(), []);

    // Without counters nothing that fires is taken for resolved.
    await dispatch(db.rpc, "daily");
    await db.admin`alter function orchestrator._read_counters() rename to gone`;
    for (let minutes = 0; minutes < 20; minutes++) await tick(db, 60);
    assert.ok((await readErrors()).some((it) => /DeadLetters.*reading the counters/.test(it)));
    assert.deepEqual(await readStates(db), [
      "DeadLettersRising daily firing",
      "QueueStalled firing",
    ]);
    await db.admin`alter function orchestrator.gone() rename to _read_counters`;
    await tick(db);
    assert.deepEqual(await readErrors(), []);
    assert.deepEqual(await readStates(db), [
      "QueueStalled firing",
      "DeadLettersRising daily resolved",
    ]);
  }));

Deno.test("a rule that is switched off resolves what it found, and a new threshold counts from the next look on", () =>
  withRules(["DeadLettersRising"], async (db) => {
    const set = (args: { threshold?: number; enabled?: boolean }) =>
      db.rpc.act({
        actor: { kind: "operator", id: "1", name: "anna@example.com" },
        action: "alert_rule.set",
        args: { alert_rule: "OrchestratorDeadLettersRising", ...args },
      });
    await endRuns(db, "daily", 0, 3);
    await tick(db);
    assert.deepEqual(await set({ enabled: false }), { result: "saved" });
    await tick(db);
    assert.deepEqual(await readStates(db), ["DeadLettersRising daily resolved"]);
    await set({ enabled: true, threshold: 3 });
    await tick(db);
    assert.deepEqual(await readStates(db), ["DeadLettersRising daily resolved"]);
    await set({ threshold: 2 });
    await tick(db);
    assert.deepEqual(await readStates(db), ["DeadLettersRising daily firing"]);
    const [row] = await db.rpc.listAudit({});
    assert.deepEqual([row.action, row.target, row.before, row.after], [
      "alert_rule.set",
      "OrchestratorDeadLettersRising",
      { threshold: 3, for_span: "00:00:00", enabled: true },
      { threshold: 2, for_span: "00:00:00", enabled: true },
    ]);
    assert.equal((await set({ threshold: -1 })).result, "invalid");
  }));

Deno.test("samples are kept for little longer than an hour, and a counter that rests keeps one", () =>
  withRules(["RunsFailing"], async (db) => {
    for (let minutes = 0; minutes < 90; minutes++) {
      if (minutes < 80) await endRuns(db, "daily", 1, 0);
      await tick(db, 60);
    }
    const count = async () =>
      (await db.admin`
        select count(*)::int as n from orchestrator.alert_samples where series = 'runs'`)[0].n;
    assert.ok(await count() <= 67 && await count() > 50, `${await count()}`);
    for (let minutes = 0; minutes < 70; minutes++) await tick(db, 60);
    assert.equal(await count(), 1);
  }));
