// Who may call the functions: every route of all three, with every credential that is not enough, and
// every one that is. What signed-in people may do is in access_test.ts.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { ROUTE_ACCESS } from "../../supabase/functions/orchestrator/routes/access.ts";
import { type Answer, expectProblem, openHttpStack, send } from "./http_stack.ts";

const it = await openHttpStack({
  env: { ORCHESTRATOR_METRICS_TOKEN: "a token that nobody here sends" },
});
Deno.test.afterAll(() => it.stop());

interface Route {
  /** As the function's wiring names it. */
  route: string;
  /** A call of it that would have an effect. */
  path: string;
  body?: unknown;
  /** What that call answers with a good key. */
  status: number;
  /** Where it is for users: what it answers to whoever is signed in. */
  userStatus?: number;
}

const NOBODY = "00000000-0000-4000-8000-000000000000";
const SOURCE =
  "key: sneaky\ntrigger: {type: manual}\nsteps: [{id: a, call: /functions/v1/agent-proxy/noop}]\n";
const dispatch = { user_id: "u", workflow_key: "daily_instructor_v1" };
const agentCall = { user_id: "u", payload: {}, inputs: {} };

const ROUTES: Record<string, Route[]> = {
  "orchestrator": [
    { route: "POST /worker", path: "/worker", status: 202 },
    { route: "POST /dispatch", path: "/dispatch", body: dispatch, status: 202 },
    {
      route: "POST /http",
      path: "/http",
      body: { call: "/functions/v1/agent-proxy/echo" },
      status: 200,
    },
    { route: "POST /rate_limit", path: "/rate_limit", body: { key: "k" }, status: 200 },
    {
      route: "POST /events",
      path: "/events",
      body: { user_id: "u", type: "streak_ping" },
      status: 201,
    },
    { route: "GET /runs", path: "/runs", status: 200 },
    { route: "GET /runs/count", path: "/runs/count", status: 200 },
    {
      route: "POST /runs/bulk",
      path: "/runs/bulk",
      body: { action: "cancel", filter: {}, newest: NOBODY },
      status: 200,
    },
    { route: "GET /runs/:id", path: `/runs/${NOBODY}`, status: 404 },
    {
      route: "GET /runs/:id/events",
      path: `/runs/${NOBODY}/events`,
      status: 404,
      userStatus: 404,
    },
    { route: "POST /runs/:id/cancel", path: `/runs/${NOBODY}/cancel`, status: 404 },
    {
      route: "POST /runs/:id/restart",
      path: `/runs/${NOBODY}/restart`,
      body: { mode: "whole" },
      status: 404,
    },
    { route: "GET /runs/:id/plan", path: `/runs/${NOBODY}/plan`, status: 404 },
    {
      route: "POST /runs/:id/steps",
      path: `/runs/${NOBODY}/steps`,
      body: { author: "x", steps: [{ id: "a", call: "/functions/v1/agent-proxy/noop" }] },
      status: 404,
    },
    {
      route: "GET /runs/:id/steps/:step/items",
      path: `/runs/${NOBODY}/steps/a/items`,
      status: 404,
    },
    {
      route: "POST /runs/:id/steps/:step/approve",
      path: `/runs/${NOBODY}/steps/a/approve`,
      status: 404,
    },
    {
      route: "POST /runs/:id/steps/:step/reject",
      path: `/runs/${NOBODY}/steps/a/reject`,
      status: 404,
    },
    { route: "GET /jobs", path: "/jobs", status: 200 },
    { route: "GET /jobs/count", path: "/jobs/count", status: 200 },
    {
      route: "POST /jobs/bulk",
      path: "/jobs/bulk",
      body: { action: "retry", filter: { status: "dead" }, newest: 0 },
      status: 200,
    },
    { route: "GET /jobs/:id/request", path: "/jobs/987654/request", status: 404 },
    { route: "GET /jobs/:id", path: "/jobs/987654", status: 404 },
    { route: "POST /jobs/:id/retry", path: "/jobs/987654/retry", status: 404 },
    { route: "POST /jobs/:id/reset", path: "/jobs/987654/reset", status: 404 },
    { route: "POST /jobs/:id/approve", path: "/jobs/987654/approve", status: 404 },
    { route: "POST /jobs/:id/reject", path: "/jobs/987654/reject", status: 404 },
    { route: "GET /workflows", path: "/workflows", status: 200 },
    { route: "GET /workflows/:key", path: "/workflows/weekly_seed_v1", status: 200 },
    {
      route: "GET /workflows/:key/versions/:version",
      path: "/workflows/weekly_seed_v1/versions/1",
      status: 200,
    },
    { route: "POST /workflows", path: "/workflows", body: { source: SOURCE }, status: 201 },
    {
      route: "POST /workflows/validate",
      path: "/workflows/validate",
      body: { source: SOURCE },
      status: 200,
    },
    { route: "POST /workflows/sync", path: "/workflows/sync", status: 200 },
    { route: "GET /health", path: "/health", status: 200 },
    { route: "GET /overview", path: "/overview", status: 200 },
    { route: "GET /me", path: "/me", status: 404 },
    { route: "GET /audit", path: "/audit", status: 200 },
    { route: "GET /schedules", path: "/schedules", status: 200 },
    ...["pause", "resume", "run"].map((action) => ({
      route: `POST /schedules/:id/${action}`,
      path: `/schedules/987654/${action}`,
      status: 404,
    })),
    { route: "GET /rate_limits", path: "/rate_limits", status: 200 },
    {
      route: "PUT /rate_limits/policies",
      path: "/rate_limits/policies",
      body: { pattern: "user:*:agent:sneaky", capacity: 5, refill_rate: 1 },
      status: 200,
    },
    {
      route: "DELETE /rate_limits/policies",
      path: "/rate_limits/policies?pattern=nobody",
      status: 404,
    },
    { route: "GET /hooks", path: "/hooks", status: 200 },
    { route: "GET /hooks/:source", path: "/hooks/nobody", status: 404 },
    {
      route: "PUT /hooks/:source",
      path: "/hooks/sneaky",
      body: { preset: "standard", event_type: "a", user_id: "u" },
      status: 200,
    },
    { route: "DELETE /hooks/:source", path: "/hooks/nobody", status: 404 },
    { route: "POST /hooks/:source/rotate", path: "/hooks/nobody/rotate", status: 404 },
    { route: "GET /keys", path: "/keys", status: 200 },
    {
      route: "POST /keys",
      path: "/keys",
      body: { name: "sneaky", workflow_keys: ["*"], user_id: "u" },
      status: 201,
    },
    { route: "DELETE /keys/:id", path: `/keys/${"0".repeat(12)}`, status: 404 },
    { route: "GET /destinations", path: "/destinations", status: 200 },
    { route: "GET /destinations/:name", path: "/destinations/nobody", status: 404 },
    {
      route: "GET /destinations/:name/deliveries",
      path: "/destinations/nobody/deliveries",
      status: 404,
    },
    {
      route: "PUT /destinations/:name",
      path: "/destinations/sneaky",
      body: { kind: "webhook", url: "https://127.0.0.1/", types: ["run.failed"] },
      status: 400,
    },
    { route: "DELETE /destinations/:name", path: "/destinations/nobody", status: 404 },
    ...["test", "rotate", "enable"].map((action) => ({
      route: `POST /destinations/:name/${action}`,
      path: `/destinations/nobody/${action}`,
      status: 404,
    })),
    {
      route: "POST /destinations/:name/replay",
      path: "/destinations/nobody/replay",
      body: { delivery_id: crypto.randomUUID() },
      status: 404,
    },
    { route: "GET /alerts", path: "/alerts", status: 200 },
    {
      route: "PUT /alerts/rules/:name",
      path: "/alerts/rules/OrchestratorScheduleLate",
      body: { enabled: false },
      status: 200,
    },
    { route: "POST /deliveries", path: "/deliveries", body: {}, status: 400 },
  ],
  "cron-orchestrator": [{ route: "POST /*", path: "", status: 200 }],
  "agent-proxy": [
    { route: "GET /snapshot", path: "/snapshot", status: 200 },
    { route: "POST /instructor/daily", path: "/instructor/daily", body: agentCall, status: 200 },
    { route: "POST /notify", path: "/notify", body: agentCall, status: 200 },
    { route: "POST /clo/begin-week", path: "/clo/begin-week", body: agentCall, status: 200 },
    { route: "POST /ta/generate-week", path: "/ta/generate-week", body: agentCall, status: 200 },
    { route: "POST /socratic/seed", path: "/socratic/seed", body: agentCall, status: 200 },
    {
      route: "POST /brand/update-briefing",
      path: "/brand/update-briefing",
      body: agentCall,
      status: 200,
    },
    ...[
      "/enrich",
      "/score",
      "/archive",
      "/undo",
      "/planner",
      "/reserve_flight",
      "/book_hotel",
      "/charge_card",
      "/cancel_flight",
      "/cancel_hotel",
      "/cancel_charge",
    ].map((path) => ({ route: `POST ${path}`, path, body: agentCall, status: 200 })),
    { route: "POST /report", path: "/report", body: agentCall, status: 200 },
    { route: "POST /noop", path: "/noop", status: 200 },
    { route: "POST /echo", path: "/echo", status: 200 },
    { route: "POST /limited", path: "/limited", status: 200 },
  ],
};

/** Routes of the orchestrator with credentials of their own, such as a token in the path; no other key opens them. */
const OPEN_ROUTES = [
  { route: "POST /callbacks/:token", path: "/callbacks/made-up", message: /the token/ },
  {
    route: "POST /callbacks/:token/heartbeat",
    path: "/callbacks/made-up/heartbeat",
    message: /the token/,
  },
  { route: "POST /hooks/:source", path: "/hooks/made-up", message: /no such source/ },
  { route: "POST /triggers/:key", path: "/triggers/sneaky", message: /no trigger key/ },
  { route: "GET /metrics", path: "/metrics", message: /^scraping: / },
  { route: "GET /triggers/runs/:id", path: `/triggers/runs/${NOBODY}`, message: /no trigger key/ },
];

type Headers = Record<string, string>;
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

async function listRefused(): Promise<[what: string, headers: Headers, status?: number][]> {
  const { publishable, secret, anonJwt, serviceRoleJwt } = it.stack.keys;
  const sign = it.stack.signJwt;
  const user = { role: "authenticated", sub: crypto.randomUUID() };
  const service = { role: "service_role" };
  const wrong = `${secret.slice(0, -1)}${secret.endsWith("A") ? "B" : "A"}`;
  const expired = await sign(service, { alg: "ES256", expiresInSeconds: -1 });
  const oldLegacy = await sign(service, { expiresInSeconds: -1 });
  const foreign = await sign(service, { alg: "ES256", key: "foreign" });
  const foreignLegacy = await sign(service, { key: "foreign" });
  const [head, claims] = (await sign(service, { alg: "ES256" })).split(".");
  const unsigned = btoa(JSON.stringify({ ...JSON.parse(atob(head)), alg: "none" }));
  return [
    ["no key", {}],
    ["an empty key", { apikey: "", ...bearer("") }],
    ["a wrong key", { apikey: wrong }],
    ["a wrong key as bearer", bearer(wrong)],
    ["the beginning of the key", { apikey: secret.slice(0, -1) }],
    ["the key with more behind it", { apikey: `${secret}A` }],
    ["the key in the wrong scheme", { authorization: `Basic ${secret}` }],
    ["the publishable key", { apikey: publishable }],
    ["the publishable key as bearer", bearer(publishable)],
    ["the anon JWT", { apikey: anonJwt, ...bearer(anonJwt) }],
    ["an expired service JWT", bearer(expired)],
    ["an expired legacy JWT", bearer(oldLegacy)],
    ["a foreign service JWT", bearer(foreign)],
    ["a foreign legacy JWT", { apikey: foreignLegacy, ...bearer(foreignLegacy) }],
    ["an unsigned JWT", bearer(`${unsigned}.${claims}.`)],
    ["a JWT without its signature", bearer(`${head}.${claims}.`)],
    ["the service JWT with another body", bearer(tamper(serviceRoleJwt))],
    ["a user's JWT", { apikey: publishable, ...bearer(await sign(user, { alg: "ES256" })) }, 403],
    ["a user's legacy JWT", { apikey: anonJwt, ...bearer(await sign(user)) }],
  ];
}

/** The signature stays, the expiry moves. */
function tamper(jwt: string): string {
  const [head, claims, signature] = jwt.split(".");
  const moved = { ...JSON.parse(atob(claims)), exp: 9_999_999_999 };
  return `${head}.${btoa(JSON.stringify(moved)).replace(/=+$/, "")}.${signature}`;
}

type Call = Omit<Route, "status">;

function call(name: string, { route, path, body }: Call, headers: Headers): Promise<Answer> {
  const url = `${it.stack.url}/functions/v1/${name}${path}`;
  return send(url, route.split(" ")[0], { body, headers });
}

/** Routes of the orchestrator that refuse nobody. */
const PUBLIC_ROUTES = [
  { route: "GET /openapi.json" },
  { route: "GET /.well-known/jwks.json" },
];

function expectRefusal(answer: Answer, name: string, status: number, what: string): void {
  const kind = status === 403 ? "forbidden" : "unauthorized";
  if (name === "agent-proxy") {
    const { ok, retryable, code } = answer.body;
    assert.deepEqual([answer.status, ok, retryable, code], [status, false, false, kind], what);
  } else expectProblem(answer, { status, kind, message: /^authenticating: / }, what);
  if (status === 401) assert.match(answer.headers.get("www-authenticate") ?? "", /^Bearer/, what);
}

Deno.test("the table above has every route of every function, and the access table those of its own", async () => {
  const folder = fileURLToPath(new URL("../../supabase/functions/", import.meta.url));
  const names = [...Deno.readDirSync(folder)].filter((entry) => entry.isDirectory)
    .map((entry) => entry.name).filter((name) => !name.startsWith("_"));
  assert.deepEqual(names.sort(), Object.keys(ROUTES).sort());
  for (const name of names) {
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", new URL("./list_routes.ts", import.meta.url).href, name],
      env: { NO_COLOR: "1" },
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    const routes: string[] = JSON.parse(new TextDecoder().decode(stdout));
    const open = [...OPEN_ROUTES, ...PUBLIC_ROUTES];
    const known = [...ROUTES[name], ...name === "orchestrator" ? open : []];
    assert.deepEqual(known.map(({ route }) => route).sort(), routes.sort(), name);
    // A route that is missing there would be for service keys alone, by mistake or on purpose.
    if (name === "orchestrator") assert.deepEqual(Object.keys(ROUTE_ACCESS).sort(), routes.sort());
  }
});

Deno.test("every route refuses every credential that is not a service key, and does nothing", async () => {
  const refused = await listRefused();
  const tables = [
    ...["workflow_runs", "intent_events", "rate_limits", "agent_replies"],
    ...["rate_limit_policies", "orchestrator_audit", "orchestrator_hook_sources"],
    ...["orchestrator_trigger_keys", "orchestrator_destinations"],
  ];
  const countAll = async () => [
    await it.sql`select workflow_key from workflow_definitions order by 1`,
    ...await Promise.all(tables.map(it.count)),
    await it.sql`select next_run_at from workflow_schedules order by 1`,
    await it.sql`select name, enabled from orchestrator_alert_rules order by 1`,
  ];
  const before = await countAll();
  for (const [name, routes] of Object.entries(ROUTES)) {
    for (const route of routes) {
      for (const [what, headers, status = 401] of refused) {
        const answer = await call(name, route, headers);
        if (status === 403 && route.userStatus !== undefined) {
          expectProblem(answer, { status: route.userStatus, kind: "not_found" }, route.route);
          continue;
        }
        expectRefusal(answer, name, status, `${name} ${route.route} with ${what}`);
      }
    }
  }
  assert.deepEqual(await countAll(), before);
});

Deno.test("an open route with a made-up token or name is refused, whatever key comes with it", async () => {
  const before = await it.count("workflow_runs");
  const callers: [what: string, headers: Headers, status?: number][] = [
    ...await listRefused(),
    ["the secret key", { apikey: it.stack.keys.secret }],
  ];
  for (const { route, path, message } of OPEN_ROUTES) {
    for (const [what, headers] of callers) {
      const body = route.startsWith("GET") ? undefined : { ok: true, output: null };
      const given = { route, path, body };
      const answer = await call("orchestrator", given, headers);
      expectProblem(answer, { status: 401, kind: "unauthorized", message }, what);
    }
  }
  assert.equal(await it.count("workflow_runs"), before);
});

Deno.test("a key in the query is no key", async () => {
  const { secret } = it.stack.keys;
  const answer = await call("orchestrator", {
    route: "GET /runs",
    path: `/runs?apikey=${secret}&Authorization=${secret}`,
  }, {});
  expectRefusal(answer, "orchestrator", 401, "a key in the query");
  assert.equal(answer.text.includes(secret), false);
});

Deno.test("a stranger learns nothing about which paths and methods there are", async () => {
  for (const name of Object.keys(ROUTES)) {
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
      for (const path of ["", "/", "/nothing", "/dispatch", "//dispatch", "/x/../dispatch"]) {
        const url = `${it.stack.url}/functions/v1/${name}${path}`;
        const { status, text } = await send(url, method);
        assert.equal(status, 401, `${method} ${name}${path}: ${text}`);
        assert.doesNotMatch(text, /did you mean|takes POST/);
      }
    }
  }
});

Deno.test("every route takes the secret key, as apikey and as bearer, and a service JWT", async () => {
  const { secret, serviceRoleJwt } = it.stack.keys;
  const signed = await it.stack.signJwt({ role: "service_role" }, { alg: "ES256" });
  await it.sql`select orchestrator.tick_worker(), orchestrator.tick_cron()`;
  const accepted: [what: string, headers: Headers][] = [
    ["the secret key", { apikey: secret }],
    ["the secret key as bearer", bearer(secret)],
    ["the legacy service_role JWT as bearer", bearer(serviceRoleJwt)],
    ["a service_role JWT of the project's signing key", bearer(signed)],
    ["both", { apikey: secret, ...bearer(serviceRoleJwt) }],
  ];
  for (const [name, routes] of Object.entries(ROUTES)) {
    for (const route of routes) {
      for (const [what, headers] of accepted) {
        const { status, text } = await call(name, route, headers);
        assert.equal(status, route.status, `${name} ${route.route} with ${what}: ${text}`);
      }
    }
  }
});
