// Schedules: what comes next, a pause, and a run out of turn.
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { waitFor } from "../harness/stack.ts";
import { showsEntry } from "./audited.ts";
import { openDashboard } from "./dashboard.ts";
import { publishText } from "./workflow_texts.ts";

const d = await openDashboard();
Deno.test.afterAll(() => d.close());
const { email } = d.accounts.operator;

await publishText(
  d,
  `{ key: nightly, trigger: { type: cron, cron: "30 2 * * 1-5", timezone: Europe/Berlin },
    steps: [{ id: only, call: /functions/v1/agent-proxy/noop }] }`,
);

const row = (page: Page) =>
  page.getByRole("region", { name: "Schedules" }).getByRole("row").filter({ hasText: "nightly" });

const scheduleOf = async () =>
  (await d.db.admin`select * from workflow_schedules where workflow_key = 'nightly'`)[0];

d.test("a schedule is told in words, with the next five times", async ({ page, go }) => {
  // Its first times are planned by the tick.
  await waitFor("the schedule", async () => (await scheduleOf()) !== undefined);
  await go("/schedules?workflow_key=nightly");
  await row(page).getByText("02:30").first().waitFor();
  await row(page).getByText("Monday through Friday").waitFor();
  await row(page).locator("summary").click();
  assert.equal(await row(page).getByRole("listitem").count(), 5);
  assert.match(await row(page).getByRole("listitem").first().innerText(), /Europe\/Berlin/);
});

d.test("pause, resume and run now do what they say, and are on the audit page", async ({ page, go }) => {
  await go("/schedules?workflow_key=nightly");
  await page.getByRole("button", { name: "Pause nightly" }).click();
  await row(page).getByText("none while it is paused").waitFor();
  assert.notEqual((await scheduleOf()).paused_at, null);
  await page.getByRole("button", { name: "Resume nightly" }).click();
  await page.getByRole("button", { name: "Pause nightly" }).waitFor();
  assert.equal((await scheduleOf()).paused_at, null);

  await page.getByRole("button", { name: "Run now: nightly" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Run now" }).click();
  await page.getByRole("link", { name: "Show the run" }).click();
  await page.locator(".page-head").getByText("success", { exact: true }).waitFor();

  await page.getByRole("link", { name: "Audit" }).click();
  const target = String((await scheduleOf()).schedule_id);
  for (const words of ["paused a schedule", "resumed a schedule", "ran a schedule now"]) {
    await showsEntry(page, words, email, target);
  }
});

d.test("a viewer is refused to pause", async ({ page, go }) => {
  await go("/schedules");
  await page.getByRole("button", { name: "Pause nightly" }).click({ force: true });
  await page.getByRole("status").getByText("Your role is viewer").waitFor();
  const { schedule_id } = await scheduleOf();
  const answer = await d.callAs("viewer", "POST", `/schedules/${schedule_id}/pause`);
  assert.equal(answer.status, 403);
  assert.equal((await scheduleOf()).paused_at, null);
}, { as: "viewer" });
