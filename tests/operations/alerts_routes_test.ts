// GET /alerts and PUT /alerts/rules/:name: what is wrong, for everybody who may look, and the thresholds, for
// those who may act.
import assert from "node:assert/strict";
import { expectProblem, openHttpStack } from "../http/http_stack.ts";

const it = await openHttpStack();
Deno.test.afterAll(() => it.stop());

const change = (name: string, body: unknown) =>
  it.ask("PUT", `/orchestrator/alerts/rules/${name}`, { body });

interface Listed {
  looked_at: string | null;
  rules: Record<string, unknown>[];
  alerts: Record<string, unknown>[];
}

const readAlerts = async () => {
  const { status, body } = await it.ask("GET", "/orchestrator/alerts");
  assert.equal(status, 200);
  return body as unknown as Listed;
};

Deno.test("the rules are listed with what they found", async () => {
  const before = await readAlerts();
  assert.equal(before.rules.length, 9);
  assert.deepEqual(before.alerts, []);
  assert.deepEqual(before.rules.find((rule) => rule.name === "OrchestratorRunsFailing"), {
    name: "OrchestratorRunsFailing",
    severity: "critical",
    description:
      "More than a tenth of a workflow's runs that ended in the last 15 minutes failed, of at least 5.",
    subject_kind: "workflow",
    unit: "ratio",
    threshold: 0.1,
    at_least: 5,
    over_seconds: 900,
    for_seconds: 60,
    enabled: true,
    error: null,
  });
  await it
    .sql`update orchestrator.ticks set ticked_at = clock_timestamp() - interval '1 hour' where name = 'cron'`;
  await it.sql`select orchestrator.tick_worker()`;
  const { looked_at, alerts: [alert] } = await readAlerts();
  assert.ok(Date.now() - Date.parse(looked_at!) < 60_000);
  assert.deepEqual([alert.name, alert.subject, alert.state, alert.firing_since], [
    "OrchestratorTickSilent",
    "cron",
    "pending",
    null,
  ]);
});

Deno.test("a rule is changed in part, and the audit has what it was", async () => {
  const name = "OrchestratorScheduleLate";
  const answer = await change(name, { threshold: 600, for_seconds: 0 });
  assert.deepEqual([answer.status, answer.body], [200, { name, result: "saved" }]);
  assert.equal((await change(name, { enabled: false })).status, 200);
  const rule = (await readAlerts()).rules.find((rule) => rule.name === name)!;
  assert.deepEqual([rule.threshold, rule.for_seconds, rule.enabled], [600, 0, false]);
  const { body } = await it.ask("GET", `/orchestrator/audit?target=${name}`);
  const rows = body.rows as { before: unknown; after: unknown }[];
  assert.deepEqual(rows.map(({ before, after }) => [before, after]).at(-1), [
    { threshold: 120, for_span: "00:01:00", enabled: true },
    { threshold: 600, for_span: "00:00:00", enabled: true },
  ]);
});

Deno.test("a change that makes no sense is refused with the field, and an unknown rule with the known ones", async () => {
  const bodies: [body: unknown, path: string][] = [
    [{ threshold: -1 }, "threshold"],
    [{ threshold: "many" }, "threshold"],
    [{ for_seconds: 1.5 }, "for_seconds"],
    [{ for_seconds: 90_000 }, "for_seconds"],
    [{ enabled: 1 }, "enabled"],
    [{ severity: "critical" }, "severity"],
  ];
  for (const [body, path] of bodies) {
    const answer = await change("OrchestratorQueueStalled", body);
    expectProblem(answer, { status: 400, kind: "invalid", path }, path);
  }
  expectProblem(await change("OrchestratorQueueStale", { enabled: true }), {
    status: 404,
    kind: "not_found",
    message: /no alert rule "OrchestratorQueueStale": they are .*OrchestratorQueueStalled/,
  });
});
