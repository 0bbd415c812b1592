// The gateway's end: callers that are never answered do not hold it up.
import assert from "node:assert/strict";
import { listenGateway } from "../../scripts/stack/gateway.ts";

Deno.test("a gateway stops although a caller still waits for its answer", async () => {
  const gateway = listenGateway(0);
  // It was never opened, so that this caller waits for ever.
  const waiting = assert.rejects(fetch(`http://127.0.0.1:${gateway.port}/rest/v1/`));
  await fetch(`http://127.0.0.1:${gateway.port}/`, { signal: AbortSignal.timeout(50) })
    .catch(() => {});
  await gateway.stop();
  await waiting;
});
