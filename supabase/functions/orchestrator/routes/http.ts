// POST /http: one guarded internal call, with the service credentials, idempotency key, timeout and
// size limit of a step call. For functions and operators that call an agent outside of a run.
import { z } from "zod";
import { OrchestratorError } from "../../_shared/contract/errors.ts";
import { MAX_STEP_TIMEOUT_MS } from "../../_shared/contract/workflow_file.ts";
import { readJson } from "../../_shared/http/body.ts";
import type { Router } from "../../_shared/http/router.ts";
import { callAgent } from "../../_shared/worker/call.ts";
import { classifyOutcome } from "../../_shared/worker/classify.ts";
import { buildIdempotencyHeaders } from "../../_shared/worker/request.ts";
import type { Engine } from "../engine.ts";

export const httpInput = z.strictObject({
  call: z.string().min(1).max(2_048),
  method: z.enum(["GET", "POST", "PUT", "PATCH", "DELETE"]).default("POST"),
  body: z.unknown().optional(),
  timeout_ms: z.int().min(1).max(MAX_STEP_TIMEOUT_MS).optional(),
  // Printable ASCII: it travels as a header.
  idempotency_key: z.string().regex(/^[\x21-\x7e]{1,255}$/, "must be 1 to 255 visible characters")
    .optional(),
}).refine((it) => it.method !== "GET" || it.body === undefined, {
  path: ["body"],
  message: "a GET call has no body",
}).meta({ id: "HttpRequest" });

export function addHttpRoute(router: Router, { loadSettings, loadIdentity }: Engine): void {
  router.post("/http", async (context) => {
    const { requestMaxBytes, stepTimeoutMs } = await loadSettings();
    const { call, method, body, timeout_ms, idempotency_key } = await readJson(
      context.req.raw,
      httpInput,
      requestMaxBytes,
    );
    const outcome = await callAgent({
      call,
      method,
      timeoutMs: timeout_ms ?? stepTimeoutMs,
      headers: buildIdempotencyHeaders(idempotency_key ?? crypto.randomUUID()),
      body: method === "GET" ? undefined : body ?? {},
    }, await loadIdentity());
    if (outcome.kind === "refused") {
      throw new OrchestratorError("invalid", `calling: ${outcome.message}`, {
        problems: [{ path: "call", message: outcome.message }],
      });
    }
    const result = classifyOutcome(outcome, Date.now());
    return context.json({
      status: result.status_code ?? null,
      ok: result.outcome === "success",
      output: result.output ?? null,
      error_class: result.error_class,
      error_text: result.error_text,
      retry_after_ms: result.retry_after_ms,
      duration_ms: outcome.durationMs,
    });
  });
}
