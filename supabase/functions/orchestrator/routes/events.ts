// POST /events: inserts an intent event; the database starts the workflows that wait for its type in
// the same transaction.
import { z } from "zod";
import type { InsertedEvent } from "../../_shared/contract/answers/dispatch.ts";
import { OrchestratorError } from "../../_shared/contract/errors.ts";
import { readJson } from "../../_shared/http/body.ts";
import type { Router } from "../../_shared/http/router.ts";
import { readTraceContext } from "../../_shared/tracing/trace_context.ts";
import type { Engine } from "../engine.ts";
import { idempotencyKey, intentId, payload, text, userId } from "../fields.ts";

export const eventInput = z.strictObject({
  user_id: userId,
  type: text(200),
  intent_id: intentId,
  payload,
  idempotency_key: idempotencyKey,
}).meta({ id: "EventRequest" });

export function addEventsRoute(router: Router, { rpc, host, loadSettings }: Engine): void {
  router.post("/events", async (context) => {
    const { requestMaxBytes } = await loadSettings();
    const event = await readJson(context.req.raw, eventInput, requestMaxBytes);
    const { trace_parent, trace_state } = readTraceContext(context.req.raw.headers);
    const inserted = await rpc.insertEvent({
      userId: event.user_id,
      type: event.type,
      intentId: event.intent_id,
      payload: event.payload,
      idempotencyKey: event.idempotency_key,
      traceParent: trace_parent,
      traceState: trace_state,
    });
    if (inserted.result === "conflict") {
      const message = "this key was used before with another event";
      throw new OrchestratorError("conflict", `inserting the event: ${message}`, {
        problems: [{ path: "idempotency_key", message }],
      });
    }
    // The insert has rung through Postgres; this isolate is nearer.
    if (inserted.workflow_run_ids.length > 0) host.wakeQuietly();
    const { result } = inserted;
    const answer: InsertedEvent = { ...inserted, result };
    return context.json(answer, result === "created" ? 201 : 200);
  });
}
