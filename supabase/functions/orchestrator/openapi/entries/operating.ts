// The state of everything, who did what, and the worker.
import { z } from "zod";
import { auditPage, me } from "../../../_shared/contract/answers/actions.ts";
import { health, workerStart } from "../../../_shared/contract/answers/health.ts";
import { overview } from "../../../_shared/contract/answers/overview.ts";
import { auditQuery } from "../../routes/audit.ts";
import { overviewQuery } from "../../routes/overview.ts";
import type { RouteEntries } from "../entry.ts";

const drained = workerStart.extend({
  end: z.string().describe("Why it stopped, such as empty."),
  jobs: z.int(),
  success: z.int(),
  retry: z.int(),
  dead: z.int(),
  skipped: z.int(),
  parked: z.int(),
  lost: z.int(),
  handed_back: z.int(),
  duration_ms: z.int(),
});

const agentTokenKeys = z.object({
  keys: z.array(z.object({
    kty: z.literal("OKP"),
    crv: z.literal("Ed25519"),
    x: z.string(),
    kid: z.string(),
    alg: z.literal("EdDSA"),
    use: z.literal("sig"),
  })),
});

export const OPERATING: RouteEntries = {
  "GET /health": {
    tag: "Operating",
    operationId: "getHealth",
    summary: "Whether all is well",
    answers: {
      200: { description: "All is well.", schema: health },
      503: {
        description:
          "Somebody should look: the warnings say where. As problem details, the database " +
          "is away.",
        schema: health,
      },
    },
  },
  "GET /overview": {
    tag: "Operating",
    operationId: "getOverview",
    summary: "Queue, workers, warnings, totals and a series over a window of time",
    query: overviewQuery,
    answers: { 200: { description: "The state.", schema: overview } },
  },
  "GET /audit": {
    tag: "Operating",
    operationId: "listAudit",
    summary: "Who did what to what, newest first",
    query: auditQuery,
    answers: { 200: { description: "A page.", schema: auditPage } },
  },
  "GET /me": {
    tag: "Operating",
    operationId: "getMe",
    summary: "Who is signed in, and with which role",
    answers: { 200: { description: "The person.", schema: me } },
    errors: { 404: "The caller is a service key, which is no user." },
  },
  "POST /worker": {
    tag: "Operating",
    operationId: "wakeWorker",
    summary: "Wakes a worker, which drains the queue",
    query: z.object({
      wait: z.literal("true").optional().describe("Answers once the queue is empty."),
    }),
    answers: {
      200: { description: "With `wait`: what was done.", schema: drained },
      202: { description: "It drains in the background.", schema: workerStart },
    },
  },
  "GET /openapi.json": {
    tag: "Operating",
    operationId: "getOpenapi",
    summary: "This document",
    answers: { 200: { description: "OpenAPI 3.1.", schema: z.looseObject({}) } },
  },
  "GET /.well-known/jwks.json": {
    tag: "Operating",
    operationId: "getAgentTokenKeys",
    summary: "The public keys by which agents verify the tokens of their calls",
    answers: { 200: { description: "A set of keys (RFC 7517).", schema: agentTokenKeys } },
  },
};
