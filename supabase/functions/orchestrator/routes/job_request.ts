// GET /jobs/:id/request: the call of a job as the worker makes it, without secrets.
import type { Router } from "../../_shared/http/router.ts";
import { getEnv } from "../../_shared/platform.ts";
import type { CallerIdentity } from "../../_shared/worker/call.ts";
import { describeRequest } from "../describe_request.ts";
import type { Engine } from "../engine.ts";
import { readJobId } from "../fields.ts";
import { refuseUnknownJob } from "../refusals.ts";

export function addJobRequestRoute(router: Router, engine: Engine): void {
  const { rpc, outputs, secrets, loadIdentity } = engine;

  router.get("/jobs/:id/request", async (context) => {
    const jobId = readJobId(context.req.param("id"));
    const job = await rpc.describeCall({ jobId });
    if (job === null) throw refuseUnknownJob(jobId);
    const identity = await loadIdentity();
    return context.json(
      await describeRequest(job, {
        identity,
        outputs,
        outputMaxBytes: identity.outputMaxBytes,
        nowMs: Date.now(),
        secrets,
        bearerVariable: nameBearer(identity),
      }),
    );
  });
}

/** What agents get as Bearer, by the name under which people have it. */
function nameBearer({ serviceJwt, secretKey }: CallerIdentity): string {
  if (serviceJwt === secretKey) return "SUPABASE_SECRET_KEY";
  const isOwn = serviceJwt === getEnv("EDGE_SERVICE_JWT");
  return isOwn ? "EDGE_SERVICE_JWT" : "SUPABASE_SERVICE_ROLE_KEY";
}
