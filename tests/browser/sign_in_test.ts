// Who gets in, what each may do, and how it ends. Tokens are valid for little longer than the page's
// own margin, so that it has to ask for new ones all the time.
import assert from "node:assert/strict";
import { waitFor } from "../harness/stack.ts";
import { openDashboard, signIn } from "./dashboard.ts";

const d = await openDashboard({ sessionSeconds: 62 });
Deno.test.afterAll(() => d.close());

async function countSessions(): Promise<number> {
  const [{ n }] = await d.db.admin`
    select count(*)::int as n from auth.sessions where user_id = ${d.accounts.operator.userId}`;
  return n;
}

d.test(
  "a wrong password says so, and the right one leads to the overview",
  async ({ page, go, foresee }) => {
    foresee(/status of 400/);
    await go("/");
    await signIn(page, { ...d.accounts.operator, password: "wrong-password" });
    await page.getByRole("alert").getByText("Check the address and the password").waitFor();
    await signIn(page, d.accounts.operator);
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    assert.match(await page.title(), /Overview/);
  },
  { as: null },
);

d.test("whoever opens a page's address signs in and is on that page", async ({ page, go }) => {
  await go("/audit");
  await signIn(page, d.accounts.viewer);
  await page.getByRole("heading", { level: 1, name: "Audit" }).waitFor();
}, { as: null });

d.test("signing out forgets the session, here and at the server", async ({ page, go }) => {
  await go("/");
  const sessions = await countSessions();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Password").waitFor();
  await waitFor("the session to end", async () => await countSessions() === sessions - 1);
  await page.reload();
  await page.getByLabel("Password").waitFor();
  assert.equal(await page.evaluate(() => localStorage.length), 0);
});

d.test(
  "somebody without a role is told who can give one, and how",
  async ({ page, go, foresee }) => {
    foresee(/status of 403/);
    await go("/");
    await signIn(page, d.accounts.stranger);
    const reason = page.getByRole("alert");
    await reason.getByText("stranger@example.com").waitFor();
    assert.match(await reason.innerText(), /deno task admin:grant stranger@example\.com/);
    await page.getByRole("button", { name: "Sign in as somebody else" }).click();
    await page.getByLabel("Password").waitFor();
  },
  { as: null },
);

d.test("tokens are renewed and nobody notices", async ({ page, go }) => {
  await go("/runs");
  await page.getByRole("heading", { level: 1, name: "Runs" }).waitFor();
  const isRenewal = (url: string) => url.includes("grant_type=refresh_token");
  for (let times = 0; times < 2; times++) {
    const answer = await page.waitForResponse((response) => isRenewal(response.url()));
    assert.equal(answer.status(), 200);
  }
  assert.equal(await page.getByLabel("Password").count(), 0);
});

d.test("a session that ended asks to sign in again on the same page, and the typed form is still there", async ({ page, go, foresee }) => {
  foresee(/status of 400/);
  await d.publish("plain", [{ id: "only" }]);
  await go("/workflows/plain?tab=run");
  const user = page.getByLabel("User", { exact: false }).first();
  await user.fill("ada");
  await d.db.admin`delete from auth.sessions where user_id = ${d.accounts.operator.userId}`;
  const dialog = page.getByRole("dialog", { name: "Your session has ended" });
  await dialog.waitFor();
  assert.equal(await dialog.getByLabel("E-mail").inputValue(), d.accounts.operator.email);
  await dialog.getByLabel("Password").fill(d.accounts.operator.password);
  await dialog.getByRole("button", { name: "Sign in" }).click();
  await dialog.waitFor({ state: "detached" });
  assert.equal(await user.inputValue(), "ada");
  await page.getByRole("button", { name: "Start the run" }).click();
  await page.locator(".page-head").getByText("success", { exact: true }).waitFor();
});

d.test("a role that was taken away ends at once", async ({ page, go, foresee }) => {
  foresee(/status of 403/);
  const { userId: user_id, email } = d.accounts.stranger;
  const actor = { kind: "service", id: "tests", name: null } as const;
  await d.db.rpc.act({ actor, action: "operator.grant", args: { user_id, email, role: "viewer" } });
  await go("/runs");
  await page.getByRole("region", { name: "Runs, newest first" }).waitFor();
  await d.db.rpc.act({ actor, action: "operator.revoke", args: { user_id } });
  await page.getByText(/admin:grant/).first().waitFor();
}, { as: "stranger" });
