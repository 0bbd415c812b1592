// Starting a run by hand: from the form that the workflow's input schema draws to the success that shows
// by itself.
/// <reference lib="dom" />
import assert from "node:assert/strict";
import { openDashboard } from "./dashboard.ts";
import { publishText } from "./workflow_texts.ts";

const d = await openDashboard({ isArranged: true });
Deno.test.afterAll(() => d.close());

/** What is promised; the request, its answer and the drawing are in it. */
const SHOWS_WITHIN_MS = 2_000;

await publishText(
  d,
  `{
  key: welcome, trigger: { type: manual },
  inputs: {
    type: object, required: [name, seats],
    properties: {
      name: { type: string, minLength: 2, description: Whom to greet },
      seats: { type: integer, minimum: 1 },
      language: { type: string, enum: [en, de], default: en },
      mail: { type: string, format: email },
      tags: { type: array, items: { type: string } },
      address: { type: object, required: [city], properties: { city: { type: string } } }
    }
  },
  steps: [{ id: greet, call: /functions/v1/own/greet, with: { name: "\${{ inputs.name }}" } }]
}`,
);

d.test("a run from the form ends in success, which the page shows by itself within 2 s", async ({ page, go }) => {
  const gate = d.agents.hold("own/greet");
  await go("/workflows/welcome");
  await page.getByRole("link", { name: "Run it" }).first().click();
  await page.getByLabel("User", { exact: false }).first().fill("ada");
  await page.getByLabel("name", { exact: false }).first().fill("Ada");
  await page.getByLabel("seats", { exact: false }).fill("3");
  await page.getByLabel("language", { exact: false }).selectOption({ label: "de" });
  await page.getByRole("button", { name: "Start the run" }).click();
  const status = page.locator(".page-head");
  await status.getByText("running", { exact: true }).waitFor();
  const [run] = await d.db.admin`select workflow_run_id as id, payload, user_id from workflow_runs`;
  assert.ok(page.url().includes(run.id), page.url());
  assert.equal(run.user_id, "ada");
  assert.deepEqual([run.payload.name, run.payload.seats, run.payload.language], ["Ada", 3, "de"]);
  // By the page's own clock, which is the database's: they run on one machine.
  const shown = page.evaluate(async () => {
    const read = () => document.querySelector(".page-head")?.textContent ?? "";
    while (!read().includes("success")) await new Promise(requestAnimationFrame);
    return Date.now();
  });
  gate.open();
  const shownAt = await shown;
  const [{ ended }] = await d.db.admin<{ ended: Date }[]>`
    select finished_at as ended from workflow_runs where workflow_run_id = ${run.id}`;
  const late = shownAt - ended.getTime();
  assert.ok(late >= 0 && late < SHOWS_WITHIN_MS, `shown ${late} ms after the end`);
});

d.test("an input that misses a required field shows the problem at its field, and starts nothing", async ({ page, go, foresee }) => {
  foresee(/status of 422/);
  await d.db.admin`delete from workflow_runs where workflow_key = 'welcome'`;
  await go("/workflows/welcome?tab=run");
  await page.getByLabel("User", { exact: false }).first().fill("ada");
  await page.getByLabel("name", { exact: false }).first().fill("A");
  await page.getByRole("button", { name: "Start the run" }).click();
  await page.getByRole("alert").filter({ hasText: "payload.seats" }).waitFor();
  for (const name of ["name", "seats"]) {
    const field = page.getByLabel(name, { exact: false }).first();
    assert.equal(await field.getAttribute("aria-invalid"), "true", name);
    const ids = (await field.getAttribute("aria-describedby"))!.split(" ");
    const texts = await Promise.all(ids.map((id) => page.locator(`[id="${id}"]`).innerText()));
    assert.match(texts.join(" "), name === "seats" ? /missing|required/ : /2/);
  }
  assert.equal(await page.getByLabel("name", { exact: false }).first().inputValue(), "A");
  const [{ n }] = await d.db.admin`
    select count(*)::int as n from workflow_runs where workflow_key = 'welcome'`;
  assert.equal(n, 0);
});

d.test(
  "a viewer is refused the start in the page, with the reason, and by the server",
  async ({ page, go }) => {
    await go("/workflows/welcome?tab=run");
    await page.getByLabel("User", { exact: false }).first().fill("ada");
    const button = page.getByRole("button", { name: "Start the run" });
    assert.equal(await button.getAttribute("aria-disabled"), "true");
    await button.click({ force: true });
    await page.getByRole("status").getByText("Your role is viewer").waitFor();

    const request = { workflow_key: "welcome", user_id: "ada", payload: { name: "Ada", seats: 1 } };
    const response = await d.callAs("viewer", "POST", "/dispatch", request);
    assert.equal(response.status, 403);
    const { detail } = await response.json();
    assert.match(detail, /operator/);
    assert.match(detail, /viewer/);
    assert.equal((await d.callAs("operator", "POST", "/dispatch", request)).status, 202);
  },
  { as: "viewer" },
);
