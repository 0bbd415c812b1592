import assert from "node:assert/strict";
import { executionId, getEnv, onBeforeUnload, waitUntil } from "./platform.ts";

Deno.test("a blank environment variable counts as unset", () => {
  Deno.env.set("PLATFORM_TEST_BLANK", "  ");
  Deno.env.set("PLATFORM_TEST_FILLED", "a");
  try {
    assert.equal(getEnv("PLATFORM_TEST_BLANK"), undefined);
    assert.equal(getEnv("PLATFORM_TEST_FILLED"), "a");
    assert.equal(getEnv("PLATFORM_TEST_MISSING"), undefined);
  } finally {
    Deno.env.delete("PLATFORM_TEST_BLANK");
    Deno.env.delete("PLATFORM_TEST_FILLED");
  }
});

Deno.test("the listener before unload gets the platform's reason, and none after it left", () => {
  const reasons: string[] = [];
  const stop = onBeforeUnload((reason) => reasons.push(reason));
  globalThis.dispatchEvent(new CustomEvent("beforeunload", { detail: { reason: "wall_clock" } }));
  globalThis.dispatchEvent(new Event("beforeunload"));
  stop();
  globalThis.dispatchEvent(new CustomEvent("beforeunload", { detail: { reason: "cpu" } }));
  assert.deepEqual(reasons, ["wall_clock", "unknown"]);
});

Deno.test("background work goes to the edge runtime, and its failure is caught", async () => {
  const given: Promise<unknown>[] = [];
  const globals = globalThis as { EdgeRuntime?: unknown };
  const lines: unknown[] = [];
  const original = console.error;
  console.error = (line: unknown) => lines.push(line);
  globals.EdgeRuntime = { waitUntil: (promise: Promise<unknown>) => given.push(promise) };
  try {
    waitUntil(Promise.reject(new Error("worker fell over")));
    assert.equal(given.length, 1);
    await given[0];
    assert.match(String(lines[0]), /"background.failed".*worker fell over/);
  } finally {
    delete globals.EdgeRuntime;
    console.error = original;
  }
});

Deno.test("an isolate keeps one execution id", () => {
  assert.equal(executionId(), executionId());
});
