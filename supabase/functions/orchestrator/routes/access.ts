// Whom each route of the orchestrator is for, all of them in one table: who looks at what and who may
// act is read here. A route that is missing is for service keys alone, and fails a test.
import type { AccessTable } from "../../_shared/http/access.ts";

export const ROUTE_ACCESS: AccessTable = {
  // What the dashboard shows.
  "GET /me": "viewer",
  "GET /overview": "viewer",
  "GET /health": "viewer",
  "GET /runs": "viewer",
  "GET /runs/count": "viewer",
  "GET /runs/:id": "viewer",
  "GET /runs/:id/plan": "viewer",
  "GET /runs/:id/steps/:step/items": "viewer",
  "GET /jobs": "viewer",
  "GET /jobs/count": "viewer",
  "GET /jobs/:id": "viewer",
  "GET /jobs/:id/request": "viewer",
  "GET /workflows": "viewer",
  "GET /workflows/:key": "viewer",
  "GET /workflows/:key/versions/:version": "viewer",
  "POST /workflows/validate": "viewer",
  "GET /schedules": "viewer",
  "GET /rate_limits": "viewer",
  "GET /alerts": "viewer",
  "GET /audit": "viewer",
  "GET /hooks": "viewer",
  "GET /hooks/:source": "viewer",
  "GET /keys": "viewer",
  "GET /destinations": "viewer",
  "GET /destinations/:name": "viewer",
  "GET /destinations/:name/deliveries": "viewer",
  // What its buttons do; each leaves an audit row.
  "POST /dispatch": "operator",
  "POST /runs/bulk": "operator",
  "POST /runs/:id/cancel": "operator",
  "POST /runs/:id/restart": "operator",
  "POST /runs/:id/steps/:step/approve": "operator",
  "POST /runs/:id/steps/:step/reject": "operator",
  "POST /jobs/bulk": "operator",
  "POST /jobs/:id/retry": "operator",
  "POST /jobs/:id/reset": "operator",
  "POST /jobs/:id/approve": "operator",
  "POST /jobs/:id/reject": "operator",
  "POST /workflows": "operator",
  "POST /workflows/sync": "operator",
  "POST /schedules/:id/pause": "operator",
  "POST /schedules/:id/resume": "operator",
  "POST /schedules/:id/run": "operator",
  "PUT /rate_limits/policies": "operator",
  "DELETE /rate_limits/policies": "operator",
  "PUT /hooks/:source": "operator",
  "DELETE /hooks/:source": "operator",
  "POST /hooks/:source/rotate": "operator",
  "POST /keys": "operator",
  "DELETE /keys/:id": "operator",
  "PUT /destinations/:name": "operator",
  "DELETE /destinations/:name": "operator",
  "POST /destinations/:name/test": "operator",
  "POST /destinations/:name/rotate": "operator",
  "POST /destinations/:name/enable": "operator",
  "POST /destinations/:name/replay": "operator",
  "PUT /alerts/rules/:name": "operator",
  // What apps, agents and the platform call. POST /http calls with the service's credentials, and the
  // steps that POST /runs/:id/steps adds are somebody's code: neither is for a person at a page.
  "POST /worker": "service",
  "POST /http": "service",
  "POST /rate_limit": "service",
  "POST /events": "service",
  "POST /runs/:id/steps": "service",
  // No secret, and nothing that the README does not say: tools read it without a key.
  "GET /openapi.json": "open",
  // Public keys, by which agents verify the tokens of their calls.
  "GET /.well-known/jwks.json": "open",
  // What an app shows its own users.
  "GET /runs/:id/events": "user",
  "POST /deliveries": "service",
  // Their URLs hold a token.
  "POST /callbacks/:token": "open",
  "POST /callbacks/:token/heartbeat": "open",
  // Its sender signs what it sends.
  "POST /hooks/:source": "open",
  // They take trigger keys, and no other credential.
  "POST /triggers/:key": "open",
  "GET /triggers/runs/:id": "open",
  // A scraper has a token of its own, which is good for nothing else.
  "GET /metrics": "open",
};
