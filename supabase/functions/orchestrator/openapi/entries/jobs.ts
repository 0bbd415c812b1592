// Jobs, and what agents call back about theirs.
import { z } from "zod";
import { bulkJobs } from "../../../_shared/contract/answers/actions.ts";
import {
  decidedJob,
  extendedCallback,
  jobCount,
  jobPage,
  jobRequest,
  redrivenJob,
  runJob,
  settledCallback,
} from "../../../_shared/contract/answers/jobs.ts";
import { decisionInput } from "../../routes/approvals.ts";
import { bulkJobsInput, jobsCounted } from "../../routes/bulk.ts";
import { jobsQuery } from "../../routes/jobs.ts";
import type { RouteEntries } from "../entry.ts";
import { ofJob } from "./parameters.ts";

const NO_JOB = "There is no such job.";
const NOT_WAITING = "The job does not wait for a decision, or its run has ended.";

const ofCallback = {
  token: z.string().describe(
    "Of one attempt of one job. It is the credential, and comes with the call of the step.",
  ),
};
const callbackErrors = {
  401: "The token is not one of this project's, or has expired.",
  404: "The job is gone.",
  409: "Nobody waits for this answer any more.",
};

/** Read as an answer of the agent contract, whatever it holds, and so not refused. */
const agentAnswer = z.looseObject({
  ok: z.boolean(),
  output: z.unknown().optional(),
  error: z.string().optional(),
  retryable: z.boolean().optional(),
  retry_after_ms: z.number().optional(),
});

export const JOBS: RouteEntries = {
  "GET /jobs": {
    tag: "Jobs",
    operationId: "listJobs",
    summary: "Jobs that the filter matches, newest first",
    query: jobsQuery,
    answers: { 200: { description: "A page.", schema: jobPage } },
  },
  "GET /jobs/count": {
    tag: "Jobs",
    operationId: "countJobs",
    summary: "How many jobs a filter matches",
    query: jobsCounted,
    answers: { 200: { description: "The count, to 10,000 at most.", schema: jobCount } },
  },
  "POST /jobs/bulk": {
    tag: "Jobs",
    operationId: "retryJobs",
    summary: "Tries all dead letters again that a filter matches, up to 100 a call",
    description: "`newest` is that of the count: jobs that came later are left alone.",
    body: { schema: bulkJobsInput },
    answers: {
      200: { description: "What was done; call again with the cursor.", schema: bulkJobs },
    },
  },
  "GET /jobs/:id": {
    tag: "Jobs",
    operationId: "getJob",
    summary: "A job with its attempts",
    path: ofJob,
    answers: { 200: { description: "The job.", schema: runJob } },
    errors: { 404: NO_JOB },
  },
  "GET /jobs/:id/request": {
    tag: "Jobs",
    operationId: "getJobRequest",
    summary: "The call of a job as the worker makes it, without secrets",
    path: ofJob,
    answers: { 200: { description: "The call.", schema: jobRequest } },
    errors: { 404: NO_JOB },
  },
  "POST /jobs/:id/retry": {
    tag: "Jobs",
    operationId: "retryJob",
    summary: "Tries a dead job again",
    path: ofJob,
    answers: { 202: { description: "It is queued, or waits.", schema: redrivenJob } },
    errors: { 404: NO_JOB, 409: "Its status does not allow it." },
  },
  "POST /jobs/:id/reset": {
    tag: "Jobs",
    operationId: "resetJob",
    summary: "Does a job again as if it had not been done",
    path: ofJob,
    answers: { 202: { description: "It is queued, or waits.", schema: redrivenJob } },
    errors: { 404: NO_JOB, 409: "Its status does not allow it." },
  },
  "POST /jobs/:id/approve": {
    tag: "Jobs",
    operationId: "approveJob",
    summary: "Approves a job that waits for somebody's word",
    path: ofJob,
    body: { schema: decisionInput },
    answers: { 200: { description: "The wait is over.", schema: decidedJob } },
    errors: { 404: NO_JOB, 409: NOT_WAITING },
  },
  "POST /jobs/:id/reject": {
    tag: "Jobs",
    operationId: "rejectJob",
    summary: "Rejects a job that waits for somebody's word",
    path: ofJob,
    body: { schema: decisionInput },
    answers: { 200: { description: "The job is dead, of class rejected.", schema: decidedJob } },
    errors: { 404: NO_JOB, 409: NOT_WAITING },
  },
  "POST /callbacks/:token": {
    tag: "Agents",
    operationId: "answerCallback",
    summary: "The answer of an agent that took its work with a 202",
    description:
      "Anything that is no answer of the agent contract ends the attempt as such an answer " +
      "would: the body is not refused.",
    path: ofCallback,
    body: { schema: agentAnswer },
    answers: { 200: { description: "What it was taken for.", schema: settledCallback } },
    errors: callbackErrors,
  },
  "POST /callbacks/:token/heartbeat": {
    tag: "Agents",
    operationId: "heartbeatCallback",
    summary: "The agent is still at it",
    path: ofCallback,
    answers: { 200: { description: "Its time was extended.", schema: extendedCallback } },
    errors: callbackErrors,
  },
};
