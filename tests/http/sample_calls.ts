// A call of every route of every function, as it would have an effect: what the tests of access send with
// each credential. A route without a call here fails the test that asks the wiring.
import type { AccessLevel } from "../../supabase/functions/_shared/http/access.ts";
import { ROUTE_ACCESS } from "../../supabase/functions/orchestrator/routes/access.ts";

/** The credential that a route takes which is open for all others; `none`: everybody gets its answer. */
export type OwnCredential = "none" | "callback token" | "sender's key" | "trigger key" | "scraper";

export interface SampleCall {
  functionName: string;
  /** As the function's wiring names it. */
  route: string;
  level: AccessLevel;
  method: string;
  path: string;
  body?: unknown;
  /** What it answers to whoever is let in. */
  status: number;
  /** To people, where that is something else. */
  personStatus?: number;
  /** Of open routes. */
  opensWith?: OwnCredential;
  /** What an open route says to others. */
  refusal?: RegExp;
}

type Sample = Pick<SampleCall, "status" | "body" | "personStatus" | "opensWith" | "refusal"> & {
  /** If not what the route says, with names of nothing in the places of its parameters. */
  path?: string;
};

export const NOBODY = "00000000-0000-4000-8000-000000000000";
/** Of a source of webhooks, a public workflow and a callback's token; the test makes the first two. */
export const KNOWN_SOURCE = "sneaky_sender";
export const PUBLIC_WORKFLOW = "sneaky_public_v1";
export const MADE_UP_TOKEN = "made-up";

const SOURCE =
  "key: sneaky\ntrigger: {type: manual}\nsteps: [{id: a, call: /functions/v1/agent-proxy/noop}]\n";
const POLICY = { pattern: "user:*:agent:sneaky", capacity: 5, refill_rate: 1 };
const STEPS = [{ id: "a", call: "/functions/v1/agent-proxy/noop" }];
const HOOK = { preset: "standard", event_type: "a", user_id: "u" };
const DESTINATION = { kind: "webhook", url: "https://127.0.0.1/", types: ["run.failed"] };

const ORCHESTRATOR: Record<string, Sample> = {
  "GET /me": { status: 404, personStatus: 200 },
  "GET /overview": { status: 200 },
  "GET /health": { status: 200 },
  "GET /runs": { status: 200 },
  "GET /runs/count": { status: 200 },
  "GET /runs/:id": { status: 404 },
  "GET /runs/:id/plan": { status: 404 },
  "GET /runs/:id/events": { status: 404 },
  "GET /runs/:id/steps/:step/items": { status: 404 },
  "GET /jobs": { status: 200 },
  "GET /jobs/count": { status: 200 },
  "GET /jobs/:id": { status: 404 },
  "GET /jobs/:id/request": { status: 404 },
  "GET /workflows": { status: 200 },
  "GET /workflows/:key": { path: "/workflows/weekly_seed_v1", status: 200 },
  "GET /workflows/:key/versions/:version": {
    path: "/workflows/weekly_seed_v1/versions/1",
    status: 200,
  },
  "POST /workflows/validate": { body: { source: SOURCE }, status: 200 },
  "GET /schedules": { status: 200 },
  "GET /rate_limits": { status: 200 },
  "GET /alerts": { status: 200 },
  "GET /audit": { status: 200 },
  "GET /hooks": { status: 200 },
  "GET /hooks/:source": { status: 404 },
  "GET /keys": { status: 200 },
  "GET /destinations": { status: 200 },
  "GET /destinations/:name": { status: 404 },
  "GET /destinations/:name/deliveries": { status: 404 },
  "POST /dispatch": { body: { user_id: "u", workflow_key: "daily_instructor_v1" }, status: 202 },
  "POST /runs/bulk": { body: { action: "cancel", filter: {}, newest: NOBODY }, status: 200 },
  "POST /runs/:id/cancel": { status: 404 },
  "POST /runs/:id/restart": { body: { mode: "whole" }, status: 404 },
  "POST /runs/:id/steps/:step/approve": { status: 404 },
  "POST /runs/:id/steps/:step/reject": { status: 404 },
  "POST /jobs/bulk": {
    body: { action: "retry", filter: { status: "dead" }, newest: 0 },
    status: 200,
  },
  "POST /jobs/:id/retry": { status: 404 },
  "POST /jobs/:id/reset": { status: 404 },
  "POST /jobs/:id/approve": { status: 404 },
  "POST /jobs/:id/reject": { status: 404 },
  "POST /workflows": { body: { source: SOURCE }, status: 201 },
  "POST /workflows/sync": { status: 200 },
  "POST /schedules/:id/pause": { status: 404 },
  "POST /schedules/:id/resume": { status: 404 },
  "POST /schedules/:id/run": { status: 404 },
  "PUT /rate_limits/policies": { body: POLICY, status: 200 },
  "DELETE /rate_limits/policies": { path: "/rate_limits/policies?pattern=nobody", status: 404 },
  "PUT /hooks/:source": { path: "/hooks/sneaky", body: HOOK, status: 200 },
  "DELETE /hooks/:source": { status: 404 },
  "POST /hooks/:source/rotate": { status: 404 },
  "POST /keys": { body: { name: "sneaky", workflow_keys: ["*"], user_id: "u" }, status: 201 },
  "DELETE /keys/:id": { path: `/keys/${"0".repeat(12)}`, status: 404 },
  "PUT /destinations/:name": { body: DESTINATION, status: 400 },
  "DELETE /destinations/:name": { status: 404 },
  "POST /destinations/:name/test": { status: 404 },
  "POST /destinations/:name/rotate": { status: 404 },
  "POST /destinations/:name/enable": { status: 404 },
  "POST /destinations/:name/replay": { body: { delivery_id: NOBODY }, status: 404 },
  "PUT /alerts/rules/:name": {
    path: "/alerts/rules/OrchestratorScheduleLate",
    body: { enabled: false },
    status: 200,
  },
  "POST /worker": { status: 202 },
  "POST /http": { body: { call: "/functions/v1/agent-proxy/echo" }, status: 200 },
  "POST /rate_limit": { body: { key: "k" }, status: 200 },
  "POST /events": { body: { user_id: "u", type: "streak_ping" }, status: 201 },
  "POST /runs/:id/steps": { body: { author: "x", steps: STEPS }, status: 404 },
  "POST /deliveries": { body: {}, status: 400 },
  "GET /openapi.json": { status: 200, opensWith: "none" },
  "GET /.well-known/jwks.json": { status: 200, opensWith: "none" },
  "POST /callbacks/:token": {
    body: { ok: true, output: null },
    status: 404,
    opensWith: "callback token",
    refusal: /the token of the URL is not one/,
  },
  "POST /callbacks/:token/heartbeat": {
    status: 404,
    opensWith: "callback token",
    refusal: /the token of the URL is not one/,
  },
  "POST /hooks/:source": {
    path: `/hooks/${KNOWN_SOURCE}`,
    body: { id: "1" },
    status: 202,
    opensWith: "sender's key",
    refusal: /no such source/,
  },
  "POST /triggers/:key": {
    path: `/triggers/${PUBLIC_WORKFLOW}`,
    body: { payload: { lead_id: "l-1" } },
    status: 202,
    opensWith: "trigger key",
    refusal: /trigger key/,
  },
  "GET /triggers/runs/:id": {
    path: `/triggers/runs/${NOBODY}`,
    status: 404,
    opensWith: "trigger key",
    refusal: /trigger key/,
  },
  "GET /metrics": { status: 200, opensWith: "scraper", refusal: /^scraping: / },
};

/** Agents of agent-proxy that are asked by POST; the others are below. */
const AGENTS = [
  ...["/instructor/daily", "/notify", "/clo/begin-week", "/ta/generate-week", "/socratic/seed"],
  ...["/brand/update-briefing", "/enrich", "/score", "/archive", "/undo", "/planner", "/report"],
  ...["/reserve_flight", "/book_hotel", "/charge_card", "/cancel_flight", "/cancel_hotel"],
  ...["/cancel_charge", "/noop", "/echo", "/limited"],
];
const AGENT_CALL = { user_id: "u", payload: {}, inputs: {} };

const FUNCTIONS: Record<string, Record<string, Sample>> = {
  "orchestrator": ORCHESTRATOR,
  "cron-orchestrator": { "POST /*": { path: "", status: 200 } },
  "agent-proxy": {
    "GET /snapshot": { status: 200 },
    ...Object.fromEntries(
      AGENTS.map((path) => [`POST ${path}`, { body: AGENT_CALL, status: 200 }]),
    ),
  },
};

export const SAMPLE_CALLS: readonly SampleCall[] = Object.entries(FUNCTIONS).flatMap((
  [functionName, samples],
) =>
  Object.entries(samples).map(([route, sample]) => {
    const [method, path] = route.split(" ");
    const level = functionName === "orchestrator" ? ROUTE_ACCESS[route] : "service";
    return { functionName, route, level, method, path: fillIn(path), ...sample };
  })
);

/** Nothing is there by these names. */
function fillIn(path: string): string {
  return path.replace("/runs/:id", `/runs/${NOBODY}`).replace(":id", "987654")
    .replace(":step", "a").replace(/:(source|name)/, "nobody").replace(":token", MADE_UP_TOKEN);
}
