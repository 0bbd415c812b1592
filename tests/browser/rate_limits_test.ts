// Rate limits: policies made, changed and taken away, and the keys as they are now.
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { waitForRun } from "../harness/stack.ts";
import { showsEntry } from "./audited.ts";
import { openDashboard } from "./dashboard.ts";

const d = await openDashboard();
Deno.test.afterAll(() => d.close());
const { email } = d.accounts.operator;
const PATTERN = "user:*:agent:mailer";

const policies = (page: Page) => page.getByRole("region", { name: "Policies" });

d.test("a policy is added, edited and deleted, and each is on the audit page", async ({ page, go }) => {
  await go("/rate-limits");
  await page.getByRole("button", { name: "Add a policy" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Pattern").fill(PATTERN);
  await dialog.getByLabel("Capacity").fill("0");
  await dialog.getByLabel("Refill").fill("0");
  await dialog.getByRole("button", { name: "Save the policy" }).click();
  await dialog.getByText("Needs a number of 1 or more").waitFor();
  await dialog.getByText("Needs a number above 0").waitFor();
  assert.equal(await dialog.getByLabel("Pattern").inputValue(), PATTERN);
  await dialog.getByLabel("Capacity").fill("5");
  await dialog.getByLabel("Refill").fill("0.5");
  await dialog.getByLabel("Description").fill("what the provider allows");
  await dialog.getByRole("button", { name: "Save the policy" }).click();
  const row = policies(page).getByRole("row").filter({ hasText: PATTERN });
  await row.getByText("what the provider allows").waitFor();

  await page.getByRole("button", { name: `Edit ${PATTERN}` }).click();
  await dialog.getByLabel("Capacity").fill("");
  await dialog.getByRole("button", { name: "Save the policy" }).click();
  await row.getByText("no limit").waitFor();
  const [kept] = await d.db.admin`
    select capacity, refill_rate from rate_limit_policies where pattern = ${PATTERN}`;
  assert.deepEqual([kept.capacity, Number(kept.refill_rate)], [null, 0.5]);

  await page.getByRole("button", { name: `Delete ${PATTERN}` }).click();
  await dialog.getByRole("button", { name: "Delete" }).click();
  await row.waitFor({ state: "detached" });
  await page.getByRole("link", { name: "Audit" }).click();
  await showsEntry(page, "set a rate limit policy", email, PATTERN);
  await showsEntry(page, "deleted a rate limit policy", email, PATTERN);
});

d.test("what the database refuses is said in the form, and the default cannot be deleted", async ({ page, go, foresee }) => {
  foresee(/status of 4/);
  await go("/rate-limits");
  await page.getByRole("button", { name: "Edit default" }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Delete default" }).count(), 0);
  const answer = await d.callAs("operator", "DELETE", "/rate_limits/policies?pattern=default");
  assert.equal(answer.status, 409);
  await page.getByRole("button", { name: "Add a policy" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Pattern").fill("x".repeat(3_000));
  await dialog.getByLabel("Refill").fill("1");
  await dialog.getByRole("button", { name: "Save the policy" }).click();
  await dialog.getByRole("alert").filter({ hasText: /\w/ }).waitFor();
  assert.equal((await dialog.getByLabel("Pattern").inputValue()).length, 3_000);
});

d.test("the keys show their tokens, and a text finds one", async ({ page, go }) => {
  await d.publish("used", [{ id: "only" }]);
  const ids = await d.enqueue("used", [{ user: "ada" }, { user: "grace" }]);
  await d.post("orchestrator/worker");
  await waitForRun(d)(ids);
  await go("/rate-limits");
  const keys = page.getByRole("region", { name: "Keys with their tokens now" });
  await keys.getByText("user:ada:agent:noop").waitFor();
  await page.getByRole("searchbox", { name: "Key" }).fill("grace");
  await keys.getByText("user:ada:agent:noop").waitFor({ state: "detached" });
  await keys.getByText("user:grace:agent:noop").waitFor();
  assert.match(await keys.innerText(), /\d+ of \d+/);
});
