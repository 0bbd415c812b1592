// The function `orchestrator`: wiring only. Every route is in routes/ and needs a service key.
import { createRouter } from "../_shared/http/router.ts";
import { openEngine } from "./engine.ts";
import { addDispatchRoute } from "./routes/dispatch.ts";
import { addEventsRoute } from "./routes/events.ts";
import { addHealthRoute } from "./routes/health.ts";
import { addHttpRoute } from "./routes/http.ts";
import { addJobsRoutes } from "./routes/jobs.ts";
import { addRateLimitRoute } from "./routes/rate_limit.ts";
import { addRunsRoutes } from "./routes/runs.ts";
import { addWorkerRoute } from "./routes/worker.ts";
import { addWorkflowsRoutes } from "./routes/workflows.ts";

const engine = openEngine();
const router = createRouter({ functionName: "orchestrator" });

addWorkerRoute(router, engine);
addDispatchRoute(router, engine);
addHttpRoute(router, engine);
addRateLimitRoute(router, engine);
addEventsRoute(router, engine);
addRunsRoutes(router, engine);
addJobsRoutes(router, engine);
addWorkflowsRoutes(router, engine);
addHealthRoute(router, engine);

Deno.serve(router.fetch);
