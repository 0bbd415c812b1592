// What an operator does with one run: look why it failed, mend it, do it again, cancel it, decide for it.
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { waitForRun } from "../harness/stack.ts";
import { openDashboard } from "./dashboard.ts";
import { publishText } from "./workflow_texts.ts";

const d = await openDashboard();
Deno.test.afterAll(() => d.close());
const endOf = waitForRun(d);

const refuse = () => Response.json({ ok: false, error: "no such customer" }, { status: 400 });

/** The run's own status, in the head of its page. */
const statusOf = (page: Page, word: string) =>
  page.locator(".page-head").getByText(word, { exact: true });

async function countOf(query: Promise<{ n: number }[]>): Promise<number> {
  return (await query)[0].n;
}

d.test("a failed run restarted from its failed step keeps the good output and ends in success", async ({ page, go }) => {
  await d.publish("repair", [
    { id: "good", call: "/functions/v1/own/good" },
    { id: "bad", depends_on: ["good"], call: "/functions/v1/own/bad" },
  ]);
  d.agents.answer("own/good", () => Response.json({ ok: true, output: { draft: "first draft" } }));
  d.agents.answer("own/bad", refuse);
  const [id] = await d.enqueue("repair");
  await d.post("orchestrator/worker");
  await endOf(id);

  await go(`/runs/${id}`);
  await statusOf(page, "failed").waitFor();
  const attention = page.getByRole("region", { name: "Look here first" });
  await attention.getByText("no such customer").waitFor();
  await attention.getByRole("button", { name: "bad" }).click();
  await page.getByRole("region", { name: "bad" }).getByText("http_4xx", { exact: false }).first()
    .waitFor();

  d.agents.answer("own/bad", () => Response.json({ ok: true, output: "sent" }));
  await page.getByRole("button", { name: "Restart from failed" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Restart", exact: true }).click();
  await statusOf(page, "success").waitFor();
  assert.deepEqual(d.agents.of(id).map(({ stepId }) => stepId), ["good", "bad", "bad"]);
  await page.getByRole("button", { name: /^good/ }).click();
  await page.getByRole("region", { name: "good" }).getByText("first draft").waitFor();
});

d.test("a run is done again as a whole with an input that was edited", async ({ page, go }) => {
  await d.publish("again", [{ id: "only" }]);
  const [id] = await d.enqueue("again", [{ payload: { city: "Oslo" } }]);
  await d.post("orchestrator/worker");
  await endOf(id);
  await go(`/runs/${id}`);
  await page.getByRole("button", { name: "Run again" }).click();
  const dialog = page.getByRole("dialog");
  const input = dialog.getByLabel("Input");
  assert.deepEqual(JSON.parse(await input.inputValue()), { city: "Oslo" });
  await input.fill("{");
  await dialog.getByText("This is not JSON").waitFor();
  assert.ok(await dialog.getByRole("button", { name: "Start a new run" }).isDisabled());
  await input.fill('{"city": "Bergen"}');
  await dialog.getByRole("button", { name: "Start a new run" }).click();
  await page.waitForFunction((old) => !location.hash.includes(old), id);
  await statusOf(page, "success").waitFor();
  await page.getByText("Restarted from").waitFor();
  await page.getByRole("link", { name: "Input & output" }).click();
  await page.getByLabel("the run's payload").getByText("Bergen").waitFor();
});

d.test("an input that does not fit the workflow is refused by path, and what was typed stays", async ({ page, go, foresee }) => {
  foresee(/status of 422/);
  await publishText(
    d,
    `{
    key: fitting, trigger: { type: manual },
    inputs: { type: object, required: [city], properties: { city: { type: string } } },
    steps: [{ id: only, call: /functions/v1/agent-proxy/noop }]
  }`,
  );
  const [id] = await d.enqueue("fitting", [{ payload: { city: "Oslo" } }]);
  await go(`/runs/${id}`);
  await page.getByRole("button", { name: "Run again" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Input").fill('{"city": 7}');
  await dialog.getByRole("button", { name: "Start a new run" }).click();
  await dialog.getByText("payload.city").first().waitFor();
  assert.equal(await dialog.getByLabel("Input").inputValue(), '{"city": 7}');
});

d.test("a running run is cancelled with a reason that stays on it", async ({ page, go }) => {
  await d.publish("endless", [{ id: "slow", call: "/functions/v1/own/slow" }]);
  d.agents.hold("own/slow");
  const [id] = await d.enqueue("endless");
  await d.post("orchestrator/worker");
  await go(`/runs/${id}`);
  await statusOf(page, "running").waitFor();
  await page.getByRole("button", { name: "Cancel…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Reason").fill("wrong customer");
  await dialog.getByRole("button", { name: "Cancel the run" }).click();
  await statusOf(page, "cancelled").waitFor();
  await page.getByText("Cancelled because").waitFor();
  await page.getByText("wrong customer").first().waitFor();
  assert.deepEqual((await endOf(id)).map(({ status }) => status), ["cancelled"]);
});

const GATED = `{
  key: gated, trigger: { type: manual }, steps: [
    { id: ask, wait: { event: word.given, timeout: 1h } },
    { id: after, depends_on: [ask], call: /functions/v1/agent-proxy/noop }
  ]
}`;

for (const [word, runEnds] of [["Approve", "success"], ["Reject", "failed"]] as const) {
  d.test(`${word.toLowerCase()} with a reason, and the run ends in ${runEnds}`, async ({ page, go }) => {
    await publishText(d, GATED);
    const [id] = await d.enqueue("gated");
    await d.post("orchestrator/worker");
    await go(`/runs/${id}`);
    await page.getByRole("region", { name: "Look here first" }).getByRole("button", { name: "ask" })
      .click();
    await page.getByRole("button", { name: `${word}…` }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Reason").fill("as agreed by phone");
    await dialog.getByRole("button", { name: word, exact: true }).click();
    await statusOf(page, runEnds).waitFor();
    const [job] = await d.db.admin`
      select status, error_class, output from job_queue
      where workflow_run_id = ${id} and step_id = 'ask'`;
    if (word === "Approve") {
      assert.match(JSON.stringify(job.output), /as agreed by phone.*operator@example\.com/);
    } else assert.deepEqual([job.status, job.error_class], ["dead", "rejected"]);
    const [row] = await d.db.admin`
      select actor_name from orchestrator_audit where action = ${`job.${word.toLowerCase()}`}`;
    assert.equal(row.actor_name, d.accounts.operator.email);
  });
}

d.test("an item that failed is found, opened and tried again", async ({ page, go }) => {
  await publishText(
    d,
    `{
    key: spread, trigger: { type: manual }, steps: [
      { id: each, for_each: "inputs.names", call: /functions/v1/own/each,
        with: { name: "\${{ item }}" }, retry: { max_attempts: 1 } },
      { id: after, depends_on: [each], call: /functions/v1/agent-proxy/noop }
    ]
  }`,
  );
  let isBroken = true;
  d.agents.answer("own/each", ({ body }) => {
    const { inputs } = body as { inputs?: { name?: string } };
    return isBroken && JSON.stringify(inputs ?? body).includes("bea")
      ? refuse()
      : Response.json({ ok: true, output: "done" });
  });
  const [id] = await d.enqueue("spread", [{ payload: { names: ["ann", "bea", "cid"] } }]);
  await d.post("orchestrator/worker");
  await endOf(id);
  await go(`/runs/${id}?step=each`);
  const panel = page.getByRole("region", { name: "each", exact: true });
  await panel.getByText("3 items: 2 succeeded, 1 failed, 0 open").waitFor();
  await panel.getByLabel("Only failed").check();
  await panel.getByRole("button", { name: "1", exact: true }).click();
  await page.getByText("no such customer").first().waitFor();
  isBroken = false;
  await page.getByRole("button", { name: "Retry item 1 of each" }).click();
  await statusOf(page, "success").waitFor();
  const calls = await countOf(d.db.admin<{ n: number }[]>`
    select count(*)::int as n from job_attempts a join job_queue q using (job_id)
    where q.workflow_run_id = ${id} and q.item_index >= 0`);
  assert.equal(calls, 4);
});
