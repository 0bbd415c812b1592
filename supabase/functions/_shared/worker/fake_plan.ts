// For this folder's tests only: what a lease brings for expressions, and plans that make no call.
import assert from "node:assert/strict";
import type { LeasedJob, RunScope } from "../database/rows.ts";
import { FakeOutputs } from "../outputs/fake_outputs.ts";
import type { Attempt } from "./drain_seam.ts";
import { planJob } from "./plan.ts";

export function createScope(): RunScope {
  return {
    inputs: { lead: { id: "l-1" } },
    event: {
      type: "lead.created",
      id: "00000000-0000-7000-8000-00000000000e",
      payload: { source: "web" },
      user_id: "user",
      intent_id: null,
      created_at: "2026-11-22T10:00:00Z",
    },
    run: {
      id: "00000000-0000-7000-8000-000000000001",
      workflow_key: "triage",
      user_id: "user",
      intent_id: null,
      failed_steps: ["bad"],
    },
  };
}

/** The attempt that a job is settled with; fails if it is to be called. */
export async function planAttempt(
  job: LeasedJob,
  outputs = new FakeOutputs(),
  outputMaxBytes = 5_242_880,
): Promise<Attempt> {
  const plan = await planJob(job, { outputs, outputMaxBytes });
  assert.equal(plan.do, "settle");
  return plan.do === "settle" ? plan.attempt : assert.fail();
}
