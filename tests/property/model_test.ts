// The model by itself: each sentence a rule of a run, so that the property test compares the database
// with something that was checked by hand.
import assert from "node:assert/strict";
import type { Case, Script, StepSource } from "./case.ts";
import { Model } from "./model.ts";
import { play } from "./play.ts";
import { countNeeded, judgeJoin } from "./rules.ts";

const good = { status: "success", isTolerated: false, skipReason: null } as const;
const dead = { status: "dead", isTolerated: false, skipReason: null } as const;
const tolerated = { ...dead, isTolerated: true };
const skipped = { status: "skipped", isTolerated: false, skipReason: "condition" } as const;
const behindFailure = { ...skipped, skipReason: "upstream_failed" } as const;

function step(id: string, more: Partial<StepSource> = {}): StepSource {
  return { id, call: "/functions/v1/agent-proxy/noop", retry: { max_attempts: 1 }, ...more };
}

async function run(
  steps: StepSource[],
  more: Partial<Script> & Partial<Pick<Case, "inputs">> & { onFailure?: StepSource[] } = {},
): Promise<string[]> {
  const { inputs = {}, onFailure, ...script } = more;
  const workflow = {
    key: "k",
    trigger: { type: "manual" as const },
    steps,
    ...(onFailure === undefined ? {} : { on_failure: onFailure }),
  };
  const whole: Script = {
    verdicts: {},
    picks: [],
    batches: [],
    isEager: [],
    alone: [],
    cancelAt: null,
    ...script,
  };
  return await play({ script: whole }, new Model({ workflow, inputs }));
}

function readEnds(lines: string[]): string[] {
  return lines.slice(lines.indexOf("over") + 1).map((line) => line.split(" after ")[0]);
}

function readCalls(lines: string[]): string[] {
  return lines.filter((line) => line.startsWith("settled")).map((line) => line.split(/[ ,]+/)[1]);
}

Deno.test("by default a step runs once all have ended, none failed and one succeeded", () => {
  assert.equal(judgeJoin(null, []), "run");
  assert.equal(judgeJoin(null, [good, null]), "wait");
  assert.equal(judgeJoin(null, [dead, null]), "wait");
  assert.equal(judgeJoin(null, [good, skipped]), "run");
  assert.equal(judgeJoin(null, [skipped, skipped]), "dependency");
  assert.equal(judgeJoin(null, [good, dead]), "upstream_failed");
  assert.equal(judgeJoin(null, [good, behindFailure]), "upstream_failed");
});

Deno.test("all_success wants every one, none_failed is content with skips", () => {
  assert.equal(judgeJoin("all_success", [good, good]), "run");
  assert.equal(judgeJoin("all_success", [good, skipped]), "dependency");
  assert.equal(judgeJoin("none_failed", [skipped, skipped]), "run");
  assert.equal(judgeJoin("none_failed", [skipped, dead]), "upstream_failed");
});

Deno.test("any_success and at_least go on early and whatever failed", () => {
  assert.equal(judgeJoin("any_success", [null, good, dead]), "run");
  assert.equal(judgeJoin("any_success", [null, dead]), "wait");
  assert.equal(judgeJoin({ at_least: 2 }, [good, good, null]), "run");
  assert.equal(judgeJoin({ at_least: 2 }, [good, dead]), "upstream_failed");
  assert.equal(judgeJoin({ at_least: 2 }, [good, skipped]), "dependency");
});

Deno.test("all_done runs whatever became of the others", () => {
  assert.equal(judgeJoin("all_done", [dead, skipped]), "run");
  assert.equal(judgeJoin("all_done", [dead, null]), "wait");
});

Deno.test("a step that may fail counts as good for what waits for it", () => {
  assert.equal(judgeJoin(null, [tolerated]), "run");
  assert.equal(judgeJoin("all_success", [tolerated, good]), "run");
});

Deno.test("a fan-out needs as many successes as its rule says", () => {
  assert.equal(countNeeded(undefined, 3), 3);
  assert.equal(countNeeded("any", 3), 1);
  assert.equal(countNeeded("any", 0), 0);
  assert.equal(countNeeded({ at_least: 4 }, 3), 3);
  assert.equal(countNeeded({ percent: 34 }, 3), 2);
});

Deno.test("of a condition and its else exactly one branch runs, and both join without annotation", async () => {
  const steps = [
    step("a", { if: "inputs.c0" }),
    step("b", { else_of: "a" }),
    step("c", { depends_on: ["a", "b"] }),
  ];
  assert.deepEqual(readEnds(await run(steps, { inputs: { c0: false } })), [
    "run: success",
    "a: skipped (condition)",
    "b: success",
    "c: success",
  ]);
  assert.deepEqual(readEnds(await run(steps, { inputs: { c0: true } })), [
    "run: success",
    "a: success",
    "b: skipped (condition)",
    "c: success",
  ]);
});

Deno.test("an attempt that fails or whose worker dies is made again, up to the last", async () => {
  const steps = [step("a", { retry: { max_attempts: 2 } })];
  const once = await run(steps, { verdicts: { a: ["retry"] } });
  assert.equal(once.at(-1), 'a: success after 2 attempts {"from":"a","lease":2}');
  const twice = await run(steps, { verdicts: { a: ["retry", "lost"] } });
  assert.deepEqual(twice.slice(-2), [
    "run: failed",
    "a: dead (lease_expired) after 2 attempts",
  ]);
});

Deno.test("a fan-out that can no longer succeed ends early and cancels what is left", async () => {
  const lines = await run(
    [step("a", { for_each: "inputs.l0", max_concurrency: 1 })],
    { inputs: { l0: [1, 2, 3] }, verdicts: { "a#0": ["dead"] } },
  );
  assert.deepEqual(readEnds(lines), [
    "run: failed",
    "a: dead (items_failed)",
    "a#0: dead (http_4xx)",
    "a#1: cancelled",
    "a#2: cancelled",
  ]);
});

Deno.test("a fan-out ends with its first success if any will do", async () => {
  const lines = await run(
    [step("a", { for_each: "inputs.l0", success: "any" })],
    { inputs: { l0: [7, 8] }, verdicts: { "a": [] }, picks: [0, 1] },
  );
  assert.deepEqual(readEnds(lines), [
    "run: success",
    "a: success",
    "a#0: cancelled",
    "a#1: success",
  ]);
  assert.ok(
    lines.some((line) => line.includes('[null,{"from":"a#1","lease":1}]')),
    lines.join("\n"),
  );
});

Deno.test("a failed run is undone in the reverse order of success, and on_failure runs once behind it", async () => {
  const compensate = { call: "/functions/v1/agent-proxy/noop", retry: { max_attempts: 1 } };
  const lines = await run(
    [
      step("a", { compensate }),
      step("b", { compensate }),
      step("c", { depends_on: ["a", "b"] }),
    ],
    { onFailure: [step("h")], verdicts: { c: ["dead"] }, picks: [1, 0] },
  );
  assert.deepEqual(readCalls(lines).slice(-4), ["$failure", "undo", "undo", "h"]);
  const undone = lines.filter((line) => line.startsWith("leased undo"));
  assert.deepEqual(undone, ["leased undo a", "leased undo b"]);
  assert.ok(lines.includes("run: failed"));
});

Deno.test("a cancelled run ends all that is open, and no handler runs", async () => {
  const lines = await run(
    [step("a"), step("b", { depends_on: ["a"] })],
    { onFailure: [step("h")], cancelAt: 0 },
  );
  assert.deepEqual(readEnds(lines), [
    "run: cancelled",
    "$failure: cancelled",
    "a: cancelled",
    "b: cancelled",
  ]);
  assert.ok(lines.some((line) => line.startsWith("came late a")), lines.join("\n"));
});
