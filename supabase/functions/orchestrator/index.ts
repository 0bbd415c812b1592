// The function `orchestrator`: wiring only. Every route is in routes/ and needs a service key, but for
// callbacks, whose URLs hold a credential of their own.
import { createRouter } from "../_shared/http/router.ts";
import { openEngine } from "./engine.ts";
import { addApprovalsRoutes } from "./routes/approvals.ts";
import { addCallbackRoutes, CALLBACK_ROUTES } from "./routes/callbacks.ts";
import { addDispatchRoute } from "./routes/dispatch.ts";
import { addEventsRoute } from "./routes/events.ts";
import { addHealthRoute } from "./routes/health.ts";
import { addHttpRoute } from "./routes/http.ts";
import { addJobsRoutes } from "./routes/jobs.ts";
import { addRateLimitRoute } from "./routes/rate_limit.ts";
import { addRunsRoutes } from "./routes/runs.ts";
import { addStepsRoutes } from "./routes/steps.ts";
import { addWorkerRoute } from "./routes/worker.ts";
import { addWorkflowsRoutes } from "./routes/workflows.ts";

const engine = openEngine();
const router = createRouter({
  functionName: "orchestrator",
  openRoutes: CALLBACK_ROUTES,
});

addWorkerRoute(router, engine);
addDispatchRoute(router, engine);
addHttpRoute(router, engine);
addRateLimitRoute(router, engine);
addEventsRoute(router, engine);
addRunsRoutes(router, engine);
addStepsRoutes(router, engine);
addJobsRoutes(router, engine);
addApprovalsRoutes(router, engine);
addWorkflowsRoutes(router, engine);
addCallbackRoutes(router, engine);
addHealthRoute(router, engine);

Deno.serve(router.fetch);
