// GET /metrics: who may scrape, in which format, and what a real Prometheus makes of it.
import assert from "node:assert/strict";
import { waitFor } from "../harness/stack.ts";
import { expectProblem, openHttpStack, send } from "../http/http_stack.ts";
import { lintMetrics, startPrometheus } from "./prometheus.ts";

const TOKEN = "scrape-0123456789abcdef";
const OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const it = await openHttpStack({ env: { ORCHESTRATOR_METRICS_TOKEN: TOKEN } });
Deno.test.afterAll(() => it.stop());

const url = `${it.stack.url}/functions/v1/orchestrator/metrics`;
const scrape = (headers: Record<string, string> = {}, token = TOKEN) =>
  send(url, "GET", { headers: { authorization: `Bearer ${token}`, ...headers } });

async function runOnce(): Promise<void> {
  const request = { user_id: "u", workflow_key: "daily_instructor_v1" };
  const failing = { agents: { create_plan: { fail_times: 1, fail_with: "http_400" } } };
  await it.ask("POST", "/orchestrator/dispatch", {
    body: [request, { ...request, payload: failing }],
  });
  await it.ask("POST", "/orchestrator/worker?wait=true");
}

Deno.test("only the scraper's own token is taken, and no service key", async () => {
  assert.equal((await scrape()).status, 200);
  const refused: [what: string, headers: Record<string, string>, message: RegExp][] = [
    ["nothing", {}, /no bearer token was sent.*ORCHESTRATOR_METRICS_TOKEN/],
    ["a service key", { apikey: it.stack.keys.secret }, /no bearer token/],
    ["it as a bearer", { authorization: `Bearer ${it.stack.keys.secret}` }, /another one/],
    ["a part of it", { authorization: `Bearer ${TOKEN.slice(0, -1)}` }, /another one/],
    ["more than it", { authorization: `Bearer ${TOKEN}${TOKEN}` }, /another one/],
    ["another scheme", { authorization: `Basic ${btoa(`:${TOKEN}`)}` }, /no bearer token/],
  ];
  for (const [what, headers, message] of refused) {
    const answer = await send(url, "GET", { headers });
    expectProblem(answer, { status: 401, kind: "unauthorized", message }, what);
    assert.match(answer.headers.get("www-authenticate") ?? "", /^Bearer/, what);
  }
});

Deno.test("where no token is set, or too short a one, metrics are off and the answer says how to turn them on", async () => {
  for (const token of ["", "fifteen-letters"]) {
    const off = await openHttpStack({
      isSetUp: false,
      env: { ORCHESTRATOR_METRICS_TOKEN: token },
    });
    try {
      const answer = await send(`${off.stack.url}/functions/v1/orchestrator/metrics`, "GET", {
        headers: { authorization: `Bearer ${token}` },
      });
      const message = token === "" ? /is not set; set it to at least 16/ : /has 15 characters/;
      expectProblem(answer, { status: 404, kind: "not_found", message });
    } finally {
      await off.stop();
    }
  }
});

Deno.test("Accept chooses the format, and promtool has nothing to say against the text", async () => {
  await runOnce();
  const text = await scrape();
  assert.equal(text.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  assert.equal(await lintMetrics(text.text), "");
  const cases: [accept: string, type: RegExp][] = [
    [
      "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
      /^application\/openmetrics-text/,
    ],
    ["application/openmetrics-text;q=0.2,text/plain;q=0.9", /^text\/plain/],
    ["*/*", /^text\/plain/],
    ["application/json", /^text\/plain/],
  ];
  for (const [accept, type] of cases) {
    assert.match((await scrape({ accept })).headers.get("content-type") ?? "", type, accept);
  }
  const open = await scrape({ accept: "application/openmetrics-text" });
  assert.equal(open.headers.get("content-type"), OPEN_METRICS);
  assert.match(open.text, /\n# EOF\n$/);
  // The samples are the same in both, whatever the gauges did meanwhile.
  const counters = (answer: string) => answer.match(/^\w+_(?:total|count)\{.*$/gm);
  assert.deepEqual(counters(open.text), counters(text.text));
});

Deno.test("a real Prometheus scrapes the stack and answers its series, histograms included", async () => {
  const prometheus = await startPrometheus(url, TOKEN);
  try {
    const { health, lastError } = await prometheus.readTarget();
    assert.deepEqual([health, lastError], ["up", ""]);
    const read = async (promql: string) => (await prometheus.query(promql))[0]?.value;
    const finished = 'sum(orchestrator_runs_finished_total{workflow="daily_instructor_v1"})';
    const before = await read(finished) ?? 0;
    await runOnce();
    await waitFor("the runs to be scraped", async () => await read(finished) === before + 2);
    const [count] = await it
      .sql`select count(*)::int as runs from workflow_runs where finished_at is not null`;
    assert.equal(before + 2, count.runs);
    const dead = await prometheus.query("orchestrator_jobs_dead_total");
    assert.deepEqual(
      dead.map(({ metric: { workflow, step, error_class } }) => [workflow, step, error_class]),
      [
        ["daily_instructor_v1", "create_plan", "http_4xx"],
      ],
    );
    const median =
      "histogram_quantile(0.5, sum by (le) (orchestrator_run_duration_seconds_bucket))";
    const seconds = await read(median);
    assert.ok(seconds > 0 && seconds < 60, `the median run took ${seconds} s`);
    assert.equal(await read('orchestrator_queue_depth{status="queued"}'), 0);
    assert.equal(
      (await prometheus.query("orchestrator_build_info"))[0].metric.version.length > 0,
      true,
    );
  } finally {
    await prometheus.stop();
  }
});

Deno.test("a real Prometheus with another token sees the target down, with the reason", async () => {
  const prometheus = await startPrometheus(url, `${TOKEN}!`);
  try {
    const { health, lastError } = await prometheus.readTarget();
    assert.equal(health, "down");
    assert.match(lastError, /401/);
  } finally {
    await prometheus.stop();
  }
});
