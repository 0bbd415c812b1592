// The function `orchestrator`: wiring only. Every route is in routes/, and whom it is for in
// routes/access.ts.
import { createRouter } from "../_shared/http/router.ts";
import { getEnv } from "../_shared/platform.ts";
import { createOriginList } from "./admin_origins.ts";
import { openEngine } from "./engine.ts";
import { ROUTE_ACCESS } from "./routes/access.ts";
import { addAgentTokenKeysRoute } from "./routes/agent_token_keys.ts";
import { addAlertsRoutes } from "./routes/alerts.ts";
import { addApprovalsRoutes } from "./routes/approvals.ts";
import { addAuditRoute } from "./routes/audit.ts";
import { addBulkRoutes } from "./routes/bulk.ts";
import { addCallbackRoutes } from "./routes/callbacks.ts";
import { addDeliveriesRoute } from "./routes/deliveries.ts";
import { addDestinationsRoutes } from "./routes/destinations.ts";
import { addDispatchRoute } from "./routes/dispatch.ts";
import { addEventsRoute } from "./routes/events.ts";
import { addHealthRoute } from "./routes/health.ts";
import { addHookDeliveriesRoute } from "./routes/hook_deliveries.ts";
import { addHooksRoutes } from "./routes/hooks.ts";
import { addHttpRoute } from "./routes/http.ts";
import { addJobRequestRoute } from "./routes/job_request.ts";
import { addJobsRoutes } from "./routes/jobs.ts";
import { addKeysRoutes } from "./routes/keys.ts";
import { addMeRoute } from "./routes/me.ts";
import { addMetricsRoute, METRICS_TOKEN_VARIABLE } from "./routes/metrics.ts";
import { addOpenapiRoute } from "./routes/openapi.ts";
import { addOverviewRoute } from "./routes/overview.ts";
import { addProgressRoute } from "./routes/progress.ts";
import { addRateLimitRoute } from "./routes/rate_limit.ts";
import { addRateLimitsRoutes } from "./routes/rate_limits.ts";
import { addRunsRoutes } from "./routes/runs.ts";
import { addSchedulesRoutes } from "./routes/schedules.ts";
import { addStepsRoutes } from "./routes/steps.ts";
import { addTriggersRoutes } from "./routes/triggers.ts";
import { addWorkerRoute } from "./routes/worker.ts";
import { addWorkflowsRoutes } from "./routes/workflows.ts";

const engine = openEngine();
const router = createRouter({
  functionName: "orchestrator",
  authenticate: engine.authenticate,
  access: ROUTE_ACCESS,
  findOrigins: createOriginList(engine.loadSettings),
});

addWorkerRoute(router, engine);
addDispatchRoute(router, engine);
addHttpRoute(router, engine);
addRateLimitRoute(router, engine);
addEventsRoute(router, engine);
// Before the routes of one run or job, whose ids their names would be taken for.
addBulkRoutes(router, engine);
addRunsRoutes(router, engine);
addProgressRoute(router, engine);
addStepsRoutes(router, engine);
addJobsRoutes(router, engine);
addJobRequestRoute(router, engine);
addApprovalsRoutes(router, engine);
addWorkflowsRoutes(router, engine);
addSchedulesRoutes(router, engine);
addRateLimitsRoutes(router, engine);
addAlertsRoutes(router, engine);
addAuditRoute(router, engine);
addDestinationsRoutes(router, engine);
addDeliveriesRoute(router, engine);
addOverviewRoute(router, engine);
addMeRoute(router);
addKeysRoutes(router, engine);
addCallbackRoutes(router, engine);
addHooksRoutes(router, engine);
addHookDeliveriesRoute(router, engine);
addTriggersRoutes(router, engine);
addHealthRoute(router, engine);
addOpenapiRoute(router);
addAgentTokenKeysRoute(router, engine);
addMetricsRoute(router, engine, getEnv(METRICS_TOKEN_VARIABLE));

Deno.serve(router.fetch);
