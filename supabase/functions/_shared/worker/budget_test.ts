import assert from "node:assert/strict";
import { Budget } from "./budget.ts";
import { MAX_STEP_TIMEOUT_MS } from "../contract/workflow_file.ts";
import { readSettings } from "../contract/settings.ts";

const limits = { workerBudgetMs: 100_000, workerWallClockMs: 150_000, workerMaxCalls: 3 };
const START = 1_000_000;

Deno.test("a budget ends by time or by calls, whichever is first", () => {
  const budget = new Budget(limits, START);
  assert.equal(budget.isSpent(START + 99_999), false);
  assert.equal(budget.isSpent(START + 100_000), true);
  for (let call = 0; call < 3; call++) budget.countCall();
  assert.equal(budget.callsLeft, 0);
  assert.equal(budget.isSpent(START), true);
});

Deno.test("a call that would outlive the invocation does not fit", () => {
  const budget = new Budget(limits, START);
  assert.equal(budget.fitTimeout(15_000, START + 90_000), 15_000);
  assert.equal(budget.fitTimeout(60_000, START + 90_000), null);
});

Deno.test("the longest step that a file may ask for fits into a fresh worker", () => {
  const budget = new Budget(readSettings(() => undefined, {}), START);
  assert.equal(budget.fitTimeout(MAX_STEP_TIMEOUT_MS, START + 500), MAX_STEP_TIMEOUT_MS);
});

Deno.test("a call that fits into no worker is made by a fresh one with the time that is left", () => {
  const budget = new Budget({ ...limits, workerWallClockMs: 6_000 }, START);
  assert.equal(budget.fitTimeout(15_000, START + 50), 5_850);
  assert.equal(budget.fitTimeout(15_000, START + 3_000), null);
});
