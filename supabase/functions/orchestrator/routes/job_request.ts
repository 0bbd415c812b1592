// GET /jobs/:id/request: the call of a job as the worker makes it, without secrets.
import type { Router } from "../../_shared/http/router.ts";
import { getEnv } from "../../_shared/platform.ts";
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
        bearerVariable: nameBearer(),
      }),
    );
  });
}

/** What agents get as Bearer, by the name under which people have it: the first that is set. */
function nameBearer(): string {
  const names = ["EDGE_SERVICE_JWT", "SUPABASE_SERVICE_ROLE_KEY"];
  return names.find((name) => getEnv(name) !== undefined) ?? "SUPABASE_SECRET_KEY";
}
