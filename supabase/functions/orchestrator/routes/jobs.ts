// GET /jobs, GET /jobs/:id, POST /jobs/:id/retry, POST /jobs/:id/reset: what operators do with jobs.
import { z } from "zod";
import type { RedrivenJobAnswer } from "../../_shared/contract/answers/jobs.ts";
import type { JobPage } from "../../_shared/contract/dashboard.ts";
import { OrchestratorError } from "../../_shared/contract/errors.ts";
import { checkInput } from "../../_shared/http/body.ts";
import type { Router } from "../../_shared/http/router.ts";
import { describeActor } from "../act.ts";
import type { Engine } from "../engine.ts";
import { jobPage, readJobId } from "../fields.ts";
import { jobFilter } from "../filters.ts";
import { refuseUnknownJob } from "../refusals.ts";

export const jobsQuery = z.strictObject({ ...jobFilter, ...jobPage });

export function addJobsRoutes(router: Router, { rpc, host }: Engine): void {
  router.get("/jobs", async (context) => {
    const { limit, before, ...filter } = checkInput(context.req.query(), jobsQuery, "query");
    const jobs = await rpc.listJobs({ filter, limit, before });
    const next_before = jobs.length < limit ? null : jobs.at(-1)!.job_id;
    const answer: JobPage = { jobs, next_before };
    return context.json(answer);
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
      const { result, status, workflow_run_id, reason } = await rpc.act({
        actor: describeActor(context.get("caller")),
        action: `job.${action}`,
        args: { job_id: jobId },
      });
      if (result === "not_found") throw refuseUnknownJob(jobId);
      if (result === "conflict") {
        const message = `${action} of job ${jobId}: ${reason ?? `it is ${status}`}`;
        throw new OrchestratorError("conflict", message);
      }
      host.wakeQuietly();
      const answer: RedrivenJobAnswer = { job_id: jobId, workflow_run_id, status };
      return context.json(answer, 202);
    });
  }
}
