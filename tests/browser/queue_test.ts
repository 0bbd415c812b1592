// The queue: what waits, and dead letters put back to work: one, some, or all that match.
/// <reference lib="dom" />
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { waitFor, waitForRun } from "../harness/stack.ts";
import { openDashboard } from "./dashboard.ts";

const d = await openDashboard();
Deno.test.afterAll(() => d.close());
const endOf = waitForRun(d);

await d.publish("letters", [{ id: "post", call: "/functions/v1/own/post" }, {
  id: "file",
  depends_on: ["post"],
}]);

const rowsOf = (page: Page) =>
  page.getByRole("region", { name: "Jobs, newest first" }).getByRole("row")
    .filter({ has: page.getByRole("cell") });

/** Runs whose first step is dead; from then on the agent is mended. */
async function makeDeadLetters(count: number, user: string): Promise<string[]> {
  d.agents.answer(
    "own/post",
    () => Response.json({ ok: false, error: "mailbox unknown" }, { status: 400 }),
  );
  const ids = await d.enqueue("letters", Array.from({ length: count }, () => ({ user })));
  await d.post("orchestrator/worker");
  await endOf(ids);
  d.agents.answer("own/post", () => Response.json({ ok: true, output: "posted" }));
  return ids;
}

/** Waits for runs that had failed already to succeed after all. */
async function succeed(ids: string[]): Promise<void> {
  await waitFor(`${ids.length} runs to succeed`, async () => {
    const ended = await endOf(ids);
    return ended.every(({ status }) => status === "success");
  });
}

d.test("a dead letter is replayed, and its run goes on to success", async ({ page, go }) => {
  const ids = await makeDeadLetters(1, "one");
  await go("/queue?status=dead&user_id=one");
  await rowsOf(page).getByText("mailbox unknown").waitFor();
  await page.getByRole("button", { name: "Retry post" }).click();
  await page.getByRole("status").getByText("post is tried again").waitFor();
  await page.getByRole("heading", { name: "No job matches" }).waitFor();
  await succeed(ids);
});

d.test("several that were selected are replayed, and the others stay dead", async ({ page, go }) => {
  const ids = await makeDeadLetters(3, "some");
  await go("/queue?status=dead&user_id=some");
  await rowsOf(page).nth(2).waitFor();
  await rowsOf(page).nth(1).getByRole("checkbox").check();
  await rowsOf(page).nth(2).getByRole("checkbox").check();
  await page.getByRole("button", { name: "Replay selected (2)" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("2 dead letters", { exact: true }).waitFor();
  await dialog.getByRole("button", { name: "Replay them" }).click();
  await dialog.getByText("2 dead letters replayed").waitFor();
  await dialog.getByRole("button", { name: "Close" }).last().click();
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 1);
  // Newest first: the two below are the older ones.
  await succeed(ids.slice(0, 2));
  assert.deepEqual((await endOf(ids[2])).map(({ status }) => status), ["failed"]);
});

d.test("all that match are replayed after their count was confirmed", async ({ page, go }) => {
  const ids = await makeDeadLetters(130, "all");
  const others = await makeDeadLetters(1, "left");
  await go("/queue?status=dead");
  await page.getByLabel("User").fill("all");
  await page.getByRole("button", { name: "Clear filters" }).first().waitFor();
  await page.waitForFunction(() => location.hash.includes("user_id=all"));
  await page.getByRole("button", { name: "Replay all that match" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("130 dead letters", { exact: true }).waitFor();
  await dialog.getByText("of the user all").waitFor();
  await dialog.getByRole("button", { name: "Replay them" }).click();
  await dialog.getByText("130 dead letters replayed").waitFor();
  await succeed(ids);
  assert.deepEqual((await endOf(others)).map(({ status }) => status), ["failed"]);
});

d.test("a job is reset only after it was said what is lost", async ({ page, go }) => {
  const ids = await makeDeadLetters(1, "reset");
  await go("/queue?status=dead&user_id=reset");
  await page.getByRole("button", { name: "Reset post" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("It begins anew").waitFor();
  await dialog.getByRole("button", { name: "Reset" }).click();
  await succeed(ids);
});

d.test("each status is a tab with its count, and a parked job says what for", async ({ page, go }) => {
  await d.post("orchestrator/workflows", {
    source: `{ key: parking, trigger: { type: manual },
      steps: [{ id: ask, wait: { event: word.given, timeout: 1h } }] }`,
  });
  await d.enqueue("parking", [{}, {}]);
  await d.post("orchestrator/worker");
  await go("/queue");
  const tab = page.getByRole("navigation", { name: "Status of the jobs" })
    .getByRole("link", { name: "parked" });
  await tab.getByText("2").waitFor();
  await tab.click();
  await rowsOf(page).nth(1).waitFor();
  await rowsOf(page).first().getByText("waits for an event").waitFor();
});
