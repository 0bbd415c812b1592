// GET /jobs, GET /jobs/:id, POST /jobs/:id/retry, POST /jobs/:id/reset: what operators do with jobs.
import { z } from "zod";
import { OrchestratorError } from "../../_shared/contract/errors.ts";
import { JOB_STATUSES } from "../../_shared/contract/statuses.ts";
import { checkInput } from "../../_shared/http/body.ts";
import type { Router } from "../../_shared/http/router.ts";
import type { Engine } from "../engine.ts";
import { jobPage, readJobId, workflowKey } from "../fields.ts";
import { refuseUnknownJob } from "../refusals.ts";

const page = z.strictObject({
  workflow_key: workflowKey.optional(),
  status: z.enum(JOB_STATUSES).optional(),
  ...jobPage,
});

export function addJobsRoutes(router: Router, { rpc, host }: Engine): void {
  router.get("/jobs", async (context) => {
    const { workflow_key, status, limit, before } = checkInput(context.req.query(), page, "query");
    const jobs = await rpc.listJobs({ workflowKey: workflow_key, status, limit, before });
    return context.json({ jobs, next_before: jobs.length < limit ? null : jobs.at(-1)!.job_id });
  });

  router.get("/jobs/:id", async (context) => {
    const jobId = readJobId(context.req.param("id"));
    const job = await rpc.getJob({ jobId });
    if (job === null) throw refuseUnknownJob(jobId);
    return context.json(job);
  });

  for (const action of ["retry", "reset"] as const) {
    router.post(`/jobs/:id/${action}`, async (context) => {
      const jobId = readJobId(context.req.param("id"));
      const redo = action === "retry" ? rpc.retryJob : rpc.resetJob;
      const { result, status, workflow_run_id, reason } = await redo({ jobId });
      if (result === "not_found") throw refuseUnknownJob(jobId);
      if (result === "conflict") {
        const message = `${action} of job ${jobId}: ${reason ?? `it is ${status}`}`;
        throw new OrchestratorError("conflict", message);
      }
      host.wakeQuietly();
      return context.json({ job_id: jobId, workflow_run_id, status }, 202);
    });
  }
}
