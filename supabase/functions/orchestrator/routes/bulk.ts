// GET /runs/count, POST /runs/bulk, GET /jobs/count, POST /jobs/bulk: how many a filter matches, and
// what is done with all of them, a page a call. Nothing that came after the count is touched.
import { z } from "zod";
import { checkInput, readJson } from "../../_shared/http/body.ts";
import type { Router } from "../../_shared/http/router.ts";
import { describeActor } from "../act.ts";
import type { Engine } from "../engine.ts";
import { jobId, reason, runId } from "../fields.ts";
import { deadFilter, jobFilter, runFilter } from "../filters.ts";

const action = z.enum(["cancel", "restart_failed"]);
export const runsCounted = z.strictObject({ action: action.optional(), ...runFilter });
export const jobsCounted = z.strictObject(jobFilter);

export const bulkRunsInput = z.strictObject({
  action,
  filter: z.strictObject(runFilter),
  newest: runId,
  cursor: runId.nullable().optional(),
  reason,
}).meta({ id: "BulkRunsRequest" });
export const bulkJobsInput = z.strictObject({
  action: z.literal("retry"),
  filter: z.strictObject(deadFilter),
  newest: jobId,
  cursor: jobId.nullable().optional(),
}).meta({ id: "BulkJobsRequest" });

export function addBulkRoutes(router: Router, { rpc, host, loadSettings }: Engine): void {
  router.get("/runs/count", async (context) => {
    const { action, ...filter } = checkInput(context.req.query(), runsCounted, "query");
    return context.json(await rpc.countRuns({ filter, action }));
  });

  router.post("/runs/bulk", async (context) => {
    const { requestMaxBytes } = await loadSettings();
    const { action, ...args } = await readJson(context.req.raw, bulkRunsInput, requestMaxBytes);
    const actor = describeActor(context.get("caller"));
    const answer = await rpc.act({ actor, action: `runs.${action}`, args });
    if (answer.changed > 0) host.wakeQuietly();
    return context.json(answer);
  });

  router.get("/jobs/count", async (context) => {
    const filter = checkInput(context.req.query(), jobsCounted, "query");
    return context.json(await rpc.countJobs({ filter }));
  });

  router.post("/jobs/bulk", async (context) => {
    const { requestMaxBytes } = await loadSettings();
    const { newest, cursor, filter } = await readJson(
      context.req.raw,
      bulkJobsInput,
      requestMaxBytes,
    );
    const actor = describeActor(context.get("caller"));
    const args = { newest, cursor, filter };
    const answer = await rpc.act({ actor, action: "jobs.retry", args });
    if (answer.changed > 0) host.wakeQuietly();
    return context.json(answer);
  });
}
