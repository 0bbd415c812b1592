// The audit page: who did what, when, what was asked, and what it changed.
import assert from "node:assert/strict";
import { waitForRun } from "../harness/stack.ts";
import { showsEntry } from "./audited.ts";
import { openDashboard } from "./dashboard.ts";

const d = await openDashboard();
Deno.test.afterAll(() => d.close());
const { email } = d.accounts.operator;

d.agents.hold("own/slow");
await d.publish("held", [{ id: "slow", call: "/functions/v1/own/slow" }]);
await d.publish("plain", [{ id: "only" }]);

d.test("an operator's actions bear the operator's address, and what they changed", async ({ page, go }) => {
  const [held] = await d.enqueue("held");
  const [done] = await d.enqueue("plain");
  await d.post("orchestrator/worker");
  await waitForRun(d)(done);
  const act = async (path: string, body: unknown, status: number) => {
    const answer = await d.callAs("operator", "POST", path, body);
    assert.equal(answer.status, status, await answer.text());
  };
  await act(`/runs/${held}/cancel`, { reason: "wrong customer" }, 200);
  await act(`/runs/${done}/restart`, { mode: "whole" }, 202);
  const request = { workflow_key: "plain", user_id: "ada", payload: { card: "4111-1111" } };
  await act("/dispatch", request, 202);
  // Refused, and on record all the same.
  await act(`/runs/${done}/cancel`, {}, 409);

  await go("/audit");
  const short = (id: string) => id.slice(0, 8);
  await showsEntry(page, "cancelled a run", email, short(held));
  await showsEntry(page, "restarted a run", email, short(done));
  await showsEntry(page, "started a run", email, /./);
  const table = page.getByRole("region", { name: "What was done, newest first" });
  const cancelled = table.getByRole("row").filter({ hasText: "cancelled a run" });
  await cancelled.filter({ hasText: "already_finished" }).waitFor();
  const changed = cancelled.filter({ hasNotText: "already_finished" });
  assert.match(await changed.innerText(), /running[\s\S]*cancelled/);
  await changed.getByText("Details").click();
  await changed.getByText("wrong customer").first().waitFor();
  assert.ok(!(await page.content()).includes("4111-1111"), "a payload is nobody's business here");
});

d.test("filters narrow it to an action, a person, a target", async ({ page, go }) => {
  await go("/audit");
  await page.getByLabel("Action").selectOption("operator.grant");
  await page.waitForFunction(() => /action=operator/.test(location.hash));
  await showsEntry(page, "gave somebody a role", "tests", /./);
  await page.getByText("service key").first().waitFor();
  await page.getByRole("button", { name: "Clear filters" }).click();
  await page.getByLabel("Who").fill("nobody@example.com");
  await page.getByRole("heading", { name: "Nothing matches" }).waitFor();
});

d.test("nobody can write or delete what the log says", async () => {
  for (const who of ["viewer", "operator"] as const) {
    const token = await d.tokenOf(who);
    const headers = {
      apikey: d.stack.keys.publishable,
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
    };
    const url = `${d.stack.url}/rest/v1/orchestrator_audit`;
    for (const method of ["GET", "DELETE", "PATCH", "POST"]) {
      const body = method === "GET" ? undefined : "{}";
      const answer = await fetch(`${url}?audit_id=gt.0`, { method, headers, body });
      const text = await answer.text();
      assert.ok(answer.status >= 400 || text === "[]", `${method}: ${answer.status} ${text}`);
    }
  }
  const [{ n }] = await d.db.admin`select count(*)::int as n from orchestrator_audit`;
  assert.ok(n > 0);
});
