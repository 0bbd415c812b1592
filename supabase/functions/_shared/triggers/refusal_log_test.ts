import assert from "node:assert/strict";
import { createRefusalLog } from "./refusal_log.ts";

Deno.test("a refusal of its kind is told once a minute, each key by itself", () => {
  const told: unknown[][] = [];
  let nowMs = 0;
  const log = createRefusalLog(() => nowMs, (...event) => told.push(event));
  const address = "203.0.113.7";
  for (let count = 0; count < 3; count++) log({ reason: "expired", keyId: "a", address });
  log({ reason: "expired", keyId: "b", address });
  log({ reason: "rate", keyId: "a", address });
  assert.deepEqual(told.map(([, , fields]) => fields), [
    { reason: "expired", key_id: "a", address },
    { reason: "expired", key_id: "b", address },
    { reason: "rate", key_id: "a", address },
  ]);
  nowMs = 60_000;
  log({ reason: "expired", keyId: "a", address });
  assert.deepEqual(told.at(-1), [
    "warn",
    "trigger.refused",
    { reason: "expired", key_id: "a", address },
  ]);
  assert.equal(told.length, 4);
});
