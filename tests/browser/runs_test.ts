// The list of runs: its filters, and what is done to all runs that a filter matches.
/// <reference lib="dom" />
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { waitFor, waitForRun } from "../harness/stack.ts";
import { openDashboard } from "./dashboard.ts";

const d = await openDashboard();
Deno.test.afterAll(() => d.close());
const endOf = waitForRun(d);

await d.publish("held", [{ id: "slow", call: "/functions/v1/own/slow" }]);
await d.publish("breaking", [{ id: "bad", call: "/functions/v1/own/bad" }]);
await d.publish("plain", [{ id: "fine" }]);
d.agents.hold("own/slow");

const table = (page: Page) => page.getByRole("region", { name: "Runs, newest first" });
const rowsOf = (page: Page) => table(page).getByRole("row").filter({ has: page.getByRole("cell") });

async function showsRows(page: Page, count: number): Promise<void> {
  await page.waitForFunction(
    (wanted) => document.querySelectorAll("tbody tr").length === wanted,
    count,
  );
}

async function statusesOf(ids: string[]): Promise<string[]> {
  const rows = await d.db.admin<{ status: string }[]>`
    select status from workflow_runs where workflow_run_id = any (${ids}::uuid[])
    order by array_position(${ids}::uuid[], workflow_run_id)`;
  return rows.map(({ status }) => status);
}

d.test("filters are in the URL, come back with it, and are cleared at once", async ({ page, go }) => {
  await d.enqueue("plain", [{ user: "ada" }, { user: "ada" }, { user: "grace" }]);
  await d.enqueue("held", [{ user: "ada" }]);
  await d.post("orchestrator/worker");
  await go("/runs");
  await page.getByLabel("User").fill("ada");
  await page.getByLabel("Workflow").selectOption("plain");
  await showsRows(page, 2);
  assert.match(page.url(), /#\/runs\?.*user_id=ada/);
  assert.match(page.url(), /workflow_key=plain/);
  await page.reload();
  await showsRows(page, 2);
  assert.equal(await page.getByLabel("User").inputValue(), "ada");
  await page.getByRole("button", { name: "Clear filters" }).click();
  await showsRows(page, 4);
  assert.equal(await page.getByLabel("User").inputValue(), "");
});

d.test("a text finds a run by a part of its input, and a filter that matches nothing says what to do", async ({ page, go }) => {
  const [id] = await d.enqueue("plain", [{ user: "linus", payload: { order: "A-100 %_" } }]);
  await go("/runs");
  await page.getByLabel("Text").fill("A-100 %_");
  await showsRows(page, 1);
  await rowsOf(page).getByRole("link").filter({ hasText: id.slice(0, 6) }).first().waitFor();
  await page.getByLabel("Text").fill("A-100 __");
  await page.getByRole("heading", { name: "No run matches" }).waitFor();
  await page.getByRole("button", { name: "Clear filters" }).first().click();
  await rowsOf(page).first().waitFor();
});

d.test("what is typed into a filter survives the polls under it", async ({ page, go }) => {
  await go("/runs");
  const field = page.getByLabel("Text");
  await field.pressSequentially("no such text", { delay: 60 });
  const before = await field.inputValue();
  await page.waitForResponse((response) => response.url().includes("/runs?"));
  await page.waitForResponse((response) => response.url().includes("/runs?"));
  assert.equal(await field.inputValue(), before);
  assert.ok(await field.evaluate((node) => node === document.activeElement));
});

d.test("all that match are cancelled after the count was confirmed; a run that began meanwhile is left alone", async ({ page, go }) => {
  const mine = await d.enqueue("held", [{ user: "bulk" }, { user: "bulk" }, { user: "bulk" }]);
  const others = await d.enqueue("held", [{ user: "else" }]);
  await go("/runs?user_id=bulk");
  await page.getByRole("button", { name: "Cancel all that match" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("3 runs", { exact: true }).waitFor();
  await dialog.getByText("of the user bulk").waitFor();
  const late = await d.enqueue("held", [{ user: "bulk" }]);
  await dialog.getByLabel("Reason").fill("wrong campaign");
  await dialog.getByRole("button", { name: "Cancel the runs" }).click();
  await dialog.getByText("3 runs cancelled").waitFor();
  await dialog.getByRole("button", { name: "Close" }).last().click();
  assert.deepEqual(await statusesOf(mine), ["cancelled", "cancelled", "cancelled"]);
  assert.deepEqual(await statusesOf([...others, ...late]), ["running", "running"]);
  const [{ reasons }] = await d.db.admin`
    select array_agg(distinct cancel_reason) as reasons from workflow_runs
    where workflow_run_id = any (${mine}::uuid[])`;
  assert.deepEqual(reasons, ["wrong campaign"]);
});

d.test("leaving the confirmation leaves every run as it is", async ({ page, go }) => {
  const ids = await d.enqueue("held", [{ user: "kept" }]);
  await go("/runs?user_id=kept");
  await page.getByRole("button", { name: "Cancel all that match" }).click();
  await page.getByRole("dialog").getByText("1 run", { exact: true }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.deepEqual(await statusesOf(ids), ["running"]);
});

d.test("all failed runs that match are restarted and succeed", async ({ page, go }) => {
  d.agents.answer("own/bad", () => Response.json({ ok: false, error: "no" }, { status: 400 }));
  const ids = await d.enqueue("breaking", Array.from({ length: 120 }, () => ({ user: "many" })));
  await d.post("orchestrator/worker");
  await endOf(ids);
  d.agents.answer("own/bad", () => Response.json({ ok: true, output: null }));
  await go("/runs?user_id=many&status=failed");
  await page.getByRole("button", { name: "Restart all failed" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("120 runs", { exact: true }).waitFor();
  await dialog.getByRole("button", { name: "Restart the runs" }).click();
  await dialog.getByText("120 runs restarted").waitFor();
  await waitFor("all of them to succeed", async () => {
    const ended = await endOf(ids);
    return ended.every(({ status }) => status === "success");
  });
});

d.test("pages go back in time, and to the newest again", async ({ page, go }) => {
  await d.enqueue("held", Array.from({ length: 60 }, () => ({ user: "pages" })));
  await go("/runs?user_id=pages");
  await showsRows(page, 50);
  await page.getByRole("link", { name: "Older" }).click();
  await showsRows(page, 10);
  await page.getByRole("link", { name: "Newest" }).click();
  await showsRows(page, 50);
});
