/// <reference lib="dom" />
// Live without a reload: what changes shows by itself, a tab that nobody sees asks nothing, and a server
// that is away takes nothing from the page.
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { waitFor, waitForRun } from "../harness/stack.ts";
import { openDashboard } from "./dashboard.ts";
import { measureMainThread } from "./main_thread.ts";

const d = await openDashboard({ isArranged: true });
Deno.test.afterAll(() => d.close());

await d.publish("plain", [{ id: "only" }]);
await d.publish("held", [{ id: "slow", call: "/functions/v1/own/slow" }]);

const banner = (page: Page) => page.getByRole("alert").getByText("The server does not answer");

/** What the page believes of itself; a headless browser shows all of its tabs. */
async function setHidden(page: Page, isHidden: boolean): Promise<void> {
  await page.evaluate((value) => {
    const state = value ? "hidden" : "visible";
    Object.defineProperty(document, "hidden", { configurable: true, get: () => value });
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => state });
    document.dispatchEvent(new Event("visibilitychange"));
  }, isHidden);
}

d.test("a tab that nobody sees asks nothing, and asks at once when it is seen again", async ({ page, go }) => {
  await page.clock.install();
  await go("/runs");
  await page.getByRole("heading", { name: "No runs yet" }).waitFor();
  let asked = 0;
  page.on("request", (request) => asked += request.url().includes("/runs?") ? 1 : 0);
  const ask = () => page.waitForResponse((response) => response.url().includes("/runs?"));
  // The clock is ours: a second and a half pass, and the page asks.
  await Promise.all([ask(), page.clock.runFor(2_000)]);
  assert.ok(asked > 0);
  await setHidden(page, true);
  await page.clock.runFor(2_000);
  asked = 0;
  await page.clock.runFor(120_000);
  assert.equal(asked, 0);
  await d.enqueue("plain");
  await Promise.all([ask(), setHidden(page, false)]);
  await page.getByRole("link", { name: "plain", exact: true }).waitFor();
});

d.test("a run that another person starts shows in the list by itself", async ({ page, go }) => {
  await go("/runs?user_id=grace");
  await page.getByRole("heading", { name: "No run matches" }).waitFor();
  await d.enqueue("plain", [{ user: "grace" }]);
  await page.getByRole("region", { name: "Runs, newest first" }).getByRole("link", {
    name: "plain",
    exact: true,
  }).waitFor();
});

d.test("while the server is away a banner says so, the page keeps what it has, and goes on by itself", async ({ page, go, foresee }) => {
  foresee(/status of 503|ERR_INTERNET_DISCONNECTED/);
  const [id] = await d.enqueue("plain", [{ user: "linus" }]);
  await go("/runs?user_id=linus");
  const row = page.getByRole("region", { name: "Runs, newest first" }).getByRole("link", {
    name: new RegExp(id.slice(0, 6)),
  });
  await row.waitFor();
  // As the platform answers for a function that does not start.
  const body = { code: "BOOT_ERROR", message: "Function failed to start (please check logs)" };
  await page.route("**/functions/v1/**", (route) => route.fulfill({ status: 503, json: body }));
  await banner(page).waitFor();
  await row.waitFor();
  await page.unroute("**/functions/v1/**");
  await banner(page).waitFor({ state: "detached" });

  await page.context().setOffline(true);
  await banner(page).waitFor();
  await row.waitFor();
  await page.context().setOffline(false);
  await banner(page).waitFor({ state: "detached" });
});

d.test("a page opened while the server is away fills itself when it is back", async ({ page, go, foresee }) => {
  foresee(/ERR_CONNECTION_REFUSED|ERR_FAILED/);
  await page.route("**/functions/v1/**", (route) => route.abort());
  await go("/workflows");
  await banner(page).waitFor();
  await page.unroute("**/functions/v1/**");
  await page.getByRole("link", { name: "plain", exact: true }).waitFor();
});

d.test("a database that is away is said in the page, which keeps what it has", async ({ page, go, foresee }) => {
  foresee(/status of 50\d/);
  await d.enqueue("plain", [{ user: "margaret" }]);
  await go("/runs?user_id=margaret");
  const row = page.getByRole("region", { name: "Runs, newest first" }).getByRole("link", {
    name: "plain",
    exact: true,
  });
  await row.waitFor();
  d.stack.setAway("database", true);
  try {
    await page.getByText(/does not answer|not fresh/).first().waitFor();
    await row.waitFor();
  } finally {
    d.stack.setAway("database", false);
  }
  await page.getByText(/does not answer|not fresh/).first().waitFor({ state: "detached" });
});

d.test("what is opened and focused stays through the polls", async ({ page, go }) => {
  d.agents.hold("own/slow");
  const [id] = await d.enqueue("held", [{ user: "edsger" }]);
  await d.post("orchestrator/worker");
  await go(`/runs/${id}?step=slow`);
  const summary = page.getByText("Its entry in the workflow");
  await summary.click();
  await summary.focus();
  for (let polls = 0; polls < 2; polls++) {
    await page.waitForResponse((response) => response.url().endsWith(`/runs/${id}`));
  }
  assert.ok(await summary.evaluate((node) => (node.parentElement as HTMLDetailsElement).open));
  assert.ok(await summary.evaluate((node) => node === document.activeElement));
});

d.test("a row that goes does not take the dialog with it that was opened from it", async ({ page, go }) => {
  await page.clock.install();
  await d.publish("doomed", [{ id: "fall", call: "/functions/v1/own/fall" }]);
  d.agents.answer("own/fall", () => Response.json({ ok: false, error: "no" }, { status: 400 }));
  const [id] = await d.enqueue("doomed", [{ user: "alan" }]);
  await d.post("orchestrator/worker");
  await waitForRun(d)(id);
  await go("/queue?status=dead&user_id=alan");
  await page.getByRole("button", { name: "Reset fall" }).click();
  await page.getByRole("dialog").waitFor();
  await d.db.admin`delete from job_queue where workflow_run_id = ${id}`;
  let asked = 0;
  page.on("request", (request) => asked += request.url().includes("/jobs?") ? 1 : 0);
  await page.clock.runFor(60_000);
  assert.equal(asked, 0);
  await page.keyboard.press("Escape");
  const ask = page.waitForResponse((response) => response.url().includes("/jobs?"));
  await page.clock.runFor(2_000);
  await ask;
  await page.getByRole("heading", { name: "No job matches" }).waitFor();
});

const ITEMS = 1_000;
/** Of processor time: a frame's worth that nobody would notice. */
const MAX_TASK_MS = 100;

d.test("a fan-out of 1,000 items is one node with its counts, and stays smooth while they finish", async ({ page, go }) => {
  await d.post("orchestrator/workflows", {
    source: `{
      key: wide, trigger: { type: manual }, steps: [
        { id: each, for_each: "inputs.numbers", rate_limit: "free", call: /functions/v1/own/item },
        { id: after, depends_on: [each], call: /functions/v1/agent-proxy/noop }
      ] }`,
  });
  await d.db.admin`
    insert into rate_limit_policies (pattern, capacity, refill_rate) values ('free', 100000, 100000)`;
  const gate = Promise.withResolvers<void>();
  d.agents.answer("own/item", async () => {
    await gate.promise;
    return Response.json({ ok: true, output: 1 });
  });
  const numbers = Array.from({ length: ITEMS }, (_, at) => at);
  const [id] = await d.enqueue("wide", [{ payload: { numbers } }]);
  await d.post("orchestrator/worker");
  await waitFor("the items", async () => {
    const [{ n }] = await d.db.admin`
      select count(*)::int as n from job_queue where workflow_run_id = ${id}`;
    return n > ITEMS;
  });
  await go(`/runs/${id}?step=each`);
  const graph = page.getByRole("group", { name: /Steps as a graph/ });
  await graph.getByRole("button", { name: /^each/ }).getByText(/0\/1[,.]?000/).waitFor();
  assert.equal(await graph.getByRole("button").count(), 2);
  const { tasks, longestMs } = await measureMainThread(page, async () => {
    gate.resolve();
    await waitForRun(d)(id);
    await page.locator(".page-head").getByText("success", { exact: true }).waitFor();
  });
  console.log(`  ${tasks} tasks, the longest took ${longestMs.toFixed(1)} ms of processor time`);
  await graph.getByRole("button", { name: /^each/ }).getByText(/1[,.]?000\/1[,.]?000/).waitFor();
  assert.ok(longestMs < MAX_TASK_MS, `a task of ${longestMs} ms`);
});
