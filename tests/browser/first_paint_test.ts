/// <reference lib="dom" />
// With the tables of a project that has run for a while, the page is there at once.
import assert from "node:assert/strict";
import { copyRun } from "../harness/copies.ts";
import { waitForRun } from "../harness/stack.ts";
import { openDashboard } from "./dashboard.ts";

const d = await openDashboard();
Deno.test.afterAll(() => d.close());

const JOBS = 100_000;
const STEPS = 4;
const MAX_PAINT_MS = 1_000;
/** The overview counts all of them; a reader waits no longer than this for its numbers. */
const MAX_NUMBERS_MS = 3_000;

await d.publish("chain", [
  { id: "a" },
  { id: "b", depends_on: ["a"] },
  { id: "c", depends_on: ["b"] },
  { id: "d", depends_on: ["c"] },
]);
const [original] = await d.enqueue("chain");
await d.post("orchestrator/worker");
await waitForRun(d)(original);
await d.db.admin.reserve().then(async (connection) => {
  await copyRun(connection, original, { copies: JOBS / STEPS, users: 1_000 });
  connection.release();
});
await d.db.admin`analyze`;

d.test(`with ${JOBS.toLocaleString("en")} jobs the first paint comes within a second, and the numbers with it`, async ({ page, go }) => {
  // Once before, as for everybody but the first visitor: the function is started.
  await go("/");
  await page.getByText("Success rate").first().waitFor();
  await page.goto("about:blank");
  await go("/");
  await page.getByText(/of 25,0\d\d runs in/).waitFor();
  const { paint, numbers } = await page.evaluate(() => ({
    paint: performance.getEntriesByName("first-contentful-paint")[0].startTime,
    numbers: performance.now(),
  }));
  console.log(`  first paint after ${paint.toFixed(0)} ms, numbers after ${numbers.toFixed(0)} ms`);
  assert.ok(paint < MAX_PAINT_MS, `${paint} ms`);
  assert.ok(numbers < MAX_NUMBERS_MS, `${numbers} ms`);
});

d.test("the lists show their first page of them, and a text is found", async ({ page, go }) => {
  const [{ id }] = await d.db.admin<{ id: string }[]>`
    select workflow_run_id as id from workflow_runs order by workflow_run_id offset 12000 limit 1`;
  await go("/runs");
  await page.getByRole("link", { name: "chain", exact: true }).first().waitFor();
  await page.getByLabel("Text").fill(id);
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 1);
  await go("/queue?status=success");
  await page.getByRole("link", { name: "chain", exact: true }).first().waitFor();
});
