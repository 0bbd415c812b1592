import assert from "node:assert/strict";
import { OrchestratorError } from "../contract/errors.ts";
import { FakeOutputs } from "../outputs/fake_outputs.ts";
import { keepOutput } from "./keep_output.ts";

const owner = { workflow_run_id: "run", job_id: 7, attempt: 2 };
const settings = { outputInlineMaxBytes: 100, outputMaxBytes: 1_000 };

function keep(output: unknown, { bytes, outputs = new FakeOutputs() }: {
  bytes?: number;
  outputs?: FakeOutputs;
} = {}) {
  const result = { outcome: "success" as const, status_code: 200, output };
  return keepOutput(owner, result, { outputs, settings }, bytes);
}

/** JSON text of exactly so many bytes. */
const textOf = (bytes: number) => "x".repeat(bytes - 2);

Deno.test("an output up to the inline limit stays with its result", async () => {
  assert.deepEqual(await keep(textOf(100)), {
    outcome: "success",
    status_code: 200,
    output: textOf(100),
  });
});

Deno.test("a larger output goes to Storage, and its result refers to it", async () => {
  const outputs = new FakeOutputs();
  const result = await keep(textOf(101), { outputs }) as { output_ref?: { path: string } };
  assert.equal("output" in result, false);
  assert.match(result.output_ref!.path, /^run\/7-2-/);
  assert.equal(outputs.texts.get(result.output_ref!.path), JSON.stringify(textOf(101)));
});

Deno.test("limits count bytes of UTF-8, not characters", async () => {
  assert.equal("output" in await keep("ä".repeat(49)), true);
  assert.equal("output" in await keep("ä".repeat(50)), false);
});

Deno.test("an output above the limit ends the step and is not stored", async () => {
  const outputs = new FakeOutputs();
  assert.equal((await keep(textOf(1_000), { outputs })).outcome, "success");
  outputs.texts.clear();
  assert.deepEqual(await keep(textOf(1_001), { outputs }), {
    outcome: "dead",
    status_code: 200,
    error_class: "output_too_large",
    error_text: "the output has 1001 bytes, 1000 are allowed",
  });
  assert.equal(outputs.texts.size, 0);
});

Deno.test("an output that cannot be stored now is tried again", async () => {
  const outputs = new FakeOutputs();
  outputs.outage = new OrchestratorError("unavailable", "Storage is away", { retryAfterMs: 2_000 });
  assert.deepEqual(await keep(textOf(101), { outputs }), {
    outcome: "retry",
    status_code: 200,
    error_class: "network",
    error_text: "storing the output: Storage is away",
    retry_after_ms: 2_000,
  });
});

Deno.test("an answer that is small in all its spellings is not measured", async () => {
  const trap = { toJSON: () => assert.fail("measured") };
  assert.equal((await keep(trap, { bytes: 16 })).outcome, "success");
  await assert.rejects(keep(trap, { bytes: 17 }), { message: "measured" });
});

Deno.test("what JSON writes larger than it came is measured as it is written", async () => {
  const numbers = JSON.parse(`[${Array(12).fill("1e20").join(",")}]`);
  assert.equal("output" in await keep(numbers, { bytes: 61 }), false);
});

Deno.test("a result without an output stays as it is", async () => {
  const result = { outcome: "dead" as const, error_text: "x".repeat(500) };
  assert.equal(await keepOutput(owner, result, { outputs: new FakeOutputs(), settings }), result);
});
