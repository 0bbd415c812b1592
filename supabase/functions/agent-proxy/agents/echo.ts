// An agent that tells what it was sent, without the caller's key, for tests of the contract.
import { type Agent, ok } from "../../_shared/agent_kit/mod.ts";

const SHOWN_HEADERS = [
  "content-type",
  "idempotency-key",
  "x-attempt",
  "x-deadline",
  "x-idempotency-key",
  "x-step-id",
  "x-workflow-run-id",
];

export const echo: Agent = {
  method: "POST",
  path: "/echo",
  run: (call) =>
    ok({
      sent: call.sent,
      headers: Object.fromEntries(
        SHOWN_HEADERS.flatMap((name) => {
          const value = call.request.headers.get(name);
          return value === null ? [] : [[name, value]];
        }),
      ),
      has_authorization: call.request.headers.has("authorization"),
      has_apikey: call.request.headers.has("apikey"),
      remaining_ms: call.deadline.remainingMs(),
    }),
};
