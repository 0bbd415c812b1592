import assert from "node:assert/strict";
import type { StepConfig } from "../contract/compiled_workflow.ts";
import type { ItemOutput, LeasedJob, Parked } from "../database/rows.ts";
import { FakeOutputs } from "../outputs/fake_outputs.ts";
import { createScope, planAttempt } from "./fake_plan.ts";
import { createJob } from "./fake_queue.ts";
import { countNeeded } from "./plan_items.ts";

const CALL = { call: "/functions/v1/agent", method: "POST", timeout_ms: 15_000 } as const;

function createFanOut(config: Partial<StepConfig> = {}, given: Partial<LeasedJob> = {}): LeasedJob {
  return createJob({
    step_id: "score",
    config: { ...CALL, scoped: true, for_each: "inputs.list", success: "all", ...config },
    scope: { ...createScope(), inputs: { list: ["a", "b", "c"], size: 3 } },
    ...given,
  });
}

const withList = (list: unknown) => ({ scope: { ...createScope(), inputs: { list } } });

function collect(parked: Partial<Extract<Parked, { for: "items" }>>): LeasedJob {
  return createFanOut({}, {
    parked: {
      for: "items",
      is_over: false,
      total: 3,
      succeeded: 3,
      failed: 0,
      needed: 3,
      items: [],
      ...parked,
    },
  });
}

const done = (output: unknown): ItemOutput => ({ status: "success", output, output_ref: null });

Deno.test("a fan-out parks with every item's inputs, evaluated with item and index", async () => {
  const attempt = await planAttempt(createFanOut({
    with: { contact: "${{ item }}", n: "${{ index }}", of: "${{ inputs.size }}" },
    max_concurrency: 2,
  }));
  assert.deepEqual(attempt, {
    outcome: "park",
    parked: { for: "items" },
    items: ["a", "b", "c"].map((contact, n) => ({ contact, n, of: 3 })),
    needed: 3,
    ends_early: false,
    max_concurrency: 2,
  });
});

Deno.test("without `with` an item's agent gets item and index", async () => {
  const { items, max_concurrency } = await planAttempt(createFanOut());
  assert.deepEqual(items, [
    { item: "a", index: 0 },
    { item: "b", index: 1 },
    { item: "c", index: 2 },
  ]);
  assert.equal(max_concurrency, null);
});

Deno.test("an empty list succeeds with an empty list, whatever must succeed", async () => {
  for (const success of ["all", "any", { at_least: 2 }, { percent: 50 }] as const) {
    const attempt = await planAttempt(createFanOut({ success }, withList([])));
    assert.deepEqual(attempt, { outcome: "success", output: [] });
  }
});

Deno.test("a condition is asked once for the whole fan-out, before its list", async () => {
  const job = createFanOut({ if: "inputs.list.size() > 3", for_each: "inputs.none" });
  assert.equal((await planAttempt(job)).outcome, "skip");
  const { outcome, condition } = await planAttempt(createFanOut({ if: "inputs.list.size() == 3" }));
  assert.equal(outcome, "park");
  assert.deepEqual(condition, { expression: "inputs.list.size() == 3", result: true });
});

Deno.test("for_each must come to a list", async () => {
  for (const list of [null, "text", 3, { a: 1 }]) {
    const attempt = await planAttempt(createFanOut({}, withList(list)));
    assert.deepEqual([attempt.outcome, attempt.error_class], ["dead", "expression"]);
    assert.match(attempt.error_text!, /^step score.*for_each must be a list.*in inputs\.list$/);
  }
});

Deno.test("10,000 items are allowed and one more is not", async () => {
  const list = Array.from({ length: 10_001 }, (_, index) => index);
  const attempt = await planAttempt(createFanOut({}, withList(list)));
  assert.deepEqual([attempt.outcome, attempt.error_class], ["dead", "validation"]);
  assert.match(attempt.error_text!, /10001 items, 10000 are allowed/);
  const fits = await planAttempt(createFanOut({}, withList(list.slice(1))));
  assert.equal(fits.items?.length, 10_000);
});

Deno.test("inputs that are too large together end the step", async () => {
  const job = createFanOut({ with: { text: "${{ inputs.text }}" } }, {
    scope: { ...createScope(), inputs: { list: [1, 2, 3], text: "ä".repeat(200) } },
  });
  // Each is {"text":"…"}: 400 bytes of text and 11 around it.
  const fits = await planAttempt(job, new FakeOutputs(), 3 * 411);
  assert.equal(fits.outcome, "park");
  const attempt = await planAttempt(job, new FakeOutputs(), 3 * 411 - 1);
  assert.deepEqual([attempt.outcome, attempt.error_class], ["dead", "output_too_large"]);
});

Deno.test("an item whose inputs fail ends the step, which tells the key", async () => {
  const attempt = await planAttempt(
    createFanOut({ with: { name: "${{ item.name }}" } }, withList([{ name: "a" }, {}])),
  );
  assert.deepEqual([attempt.outcome, attempt.error_class], ["dead", "expression"]);
  assert.match(attempt.error_text!, /^step score, with\.name: .*item\.name.*name/);
});

Deno.test("how many must succeed", () => {
  assert.equal(countNeeded("all", 7), 7);
  assert.equal(countNeeded("any", 7), 1);
  assert.equal(countNeeded("any", 0), 0);
  assert.equal(countNeeded({ at_least: 2 }, 7), 2);
  assert.equal(countNeeded({ at_least: 9 }, 7), 7);
  assert.equal(countNeeded({ percent: 50 }, 7), 4);
  assert.equal(countNeeded({ percent: 0 }, 7), 0);
  assert.equal(countNeeded({ percent: 100 }, 7), 7);
  // 0.29 * 100 is 28.999… in doubles, and 7 % of 100 is 7.000…01.
  assert.equal(countNeeded({ percent: 7 }, 100), 7);
  assert.equal(countNeeded({ percent: 29 }, 100), 29);
});

Deno.test("only `any` ends with the first success; the other rules try every item", async () => {
  for (const success of ["all", "any", { at_least: 1 }, { percent: 10 }] as const) {
    const { ends_early, needed } = await planAttempt(createFanOut({ success }));
    assert.equal(ends_early, success === "any");
    assert.equal(needed, success === "all" ? 3 : 1);
  }
});

Deno.test("the outputs come in item order, null where an item has none, falsy ones as they are", async () => {
  const attempt = await planAttempt(collect({
    total: 6,
    succeeded: 4,
    needed: 1,
    items: [
      done(0),
      { status: "dead", output: null, output_ref: null },
      done(false),
      { status: "cancelled", output: null, output_ref: null },
      done(""),
      done({ a: 1 }),
    ],
  }));
  assert.deepEqual(attempt, { outcome: "success", output: [0, null, false, null, "", { a: 1 }] });
});

Deno.test("a fan-out with too few successes is dead and tells the numbers", async () => {
  const attempt = await planAttempt(collect({ total: 10, succeeded: 3, failed: 6, needed: 5 }));
  assert.deepEqual([attempt.outcome, attempt.error_class], ["dead", "items_failed"]);
  assert.equal(
    attempt.error_text,
    "step score: 3 of 10 items succeeded and 6 failed, 5 needed",
  );
});

Deno.test("items' outputs in Storage are fetched into the list", async () => {
  const outputs = new FakeOutputs();
  const output_ref = outputs.lay("item-1", ["large"]);
  const attempt = await planAttempt(
    collect({ items: [done(1), { status: "success", output: null, output_ref }, done(3)] }),
    outputs,
  );
  assert.deepEqual(attempt.output, [1, ["large"], 3]);
});

Deno.test("outputs that are too large together end the step before anything is fetched", async () => {
  const outputs = new FakeOutputs();
  const output_ref = { ...outputs.lay("item-1", 1), bytes: 900 };
  const large = collect({
    items: [done("x".repeat(200)), { status: "success", output: null, output_ref }],
  });
  for (const job of [large, collect({ items: null })]) {
    const attempt = await planAttempt(job, outputs, 1_000);
    assert.deepEqual([attempt.outcome, attempt.error_class], ["dead", "output_too_large"]);
  }
  assert.deepEqual(outputs.reads, []);
});

Deno.test("an item's output that Storage does not give is tried again later", async () => {
  const outputs = new FakeOutputs();
  const output_ref = outputs.lay("item-0", 1);
  outputs.outage = new Error("Storage is away");
  const items: ItemOutput[] = [{ status: "success", output: null, output_ref }];
  const attempt = await planAttempt(collect({ total: 1, succeeded: 1, needed: 1, items }), outputs);
  assert.deepEqual([attempt.outcome, attempt.error_class], ["retry", "network"]);
  assert.match(attempt.error_text!, /item 0 of step score/);
});

Deno.test("an item of a sub-workflow starts a run with its input", async () => {
  const config = {
    kind: "workflow",
    workflow: "child",
    for_each: "inputs.list",
    timeout_ms: 1,
  } as const;
  const attempt = await planAttempt(
    createJob({ config, item_index: 1, input: { item: "b", index: 1 } }),
  );
  assert.deepEqual(attempt, {
    outcome: "park",
    parked: { for: "run" },
    start_run: { workflow_key: "child", payload: { item: "b", index: 1 } },
  });
});

Deno.test("the inputs of 10,000 items are made in time for a heartbeat", async () => {
  const list = Array.from({ length: 10_000 }, (_, id) => ({ id, name: `contact ${id}` }));
  const job = createFanOut(
    {
      with: {
        id: "${{ item.id }}",
        text: "No. ${{ index }}: ${{ item.name }}",
        all: "${{ item }}",
      },
    },
    withList(list),
  );
  const startedAt = performance.now();
  assert.equal((await planAttempt(job)).items?.length, 10_000);
  const tookMs = performance.now() - startedAt;
  assert.ok(tookMs < 1_500, `${tookMs} ms`);
});
