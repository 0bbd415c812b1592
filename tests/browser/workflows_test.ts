// Workflows: publishing from the page, with the checker's problems in their places, and versions.
/// <reference lib="dom" />
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { openDashboard } from "./dashboard.ts";
import { publishText } from "./workflow_texts.ts";

const d = await openDashboard();
Deno.test.afterAll(() => d.close());

const TEXT = `key: greeting_v1
trigger: { type: manual }
steps:
  - id: first
    call: "/functions/v1/agent-proxy/noop"
  - id: second
    call: "/functions/v1/agent-proxy/noop"
    depends_on: [first]
`;
const BROKEN = TEXT.replace("[first]", "[frist]");

const field = (page: Page) => page.getByLabel("Text of the workflow, YAML");

async function publishDraft(page: Page): Promise<void> {
  await page.getByText("✓ No problems").waitFor();
  await page.getByRole("button", { name: "Publish…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Publish", exact: true }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
}

async function versionsOf(key: string): Promise<number> {
  const [{ n }] = await d.db.admin`
    select count(*)::int as n from workflow_definitions where workflow_key = ${key}`;
  return n;
}

d.test("a broken text shows its problem at the line and publishes nothing; the mended one is published", async ({ page, go, foresee }) => {
  foresee(/status of (422|404)/);
  await go("/workflows");
  await page.getByRole("link", { name: "Publish a workflow" }).click();
  await field(page).fill(BROKEN);
  await page.getByText("✕ One problem").waitFor();
  await page.getByText("did you mean").waitFor();
  await page.getByRole("button", { name: /^Line 8/ }).click();
  const line = await field(page).evaluate((node) => {
    const { value, selectionStart } = node as HTMLTextAreaElement;
    return value.slice(0, selectionStart).split("\n").length;
  });
  assert.equal(line, 8);
  assert.equal(await field(page).getAttribute("aria-invalid"), "true");
  assert.ok(await page.getByRole("button", { name: "Publish…" }).isDisabled());
  const refusal = await d.callAs("operator", "POST", "/workflows", { source: BROKEN });
  assert.equal(refusal.status, 422);
  assert.equal((await refusal.json()).problems[0].line, 8);
  assert.equal(await versionsOf("greeting_v1"), 0);

  await field(page).fill(TEXT);
  await publishDraft(page);
  await page.getByRole("heading", { level: 1, name: "greeting_v1" }).waitFor();
  assert.equal(await versionsOf("greeting_v1"), 1);
  const graph = page.getByRole("region", { name: "Steps in the order in which they run" });
  await graph.getByText("second").first().waitFor();
});

d.test("an edit is confirmed by its difference, and versions are compared later", async ({ page, go }) => {
  await publishText(d, TEXT.replaceAll("greeting", "edited"));
  await go("/workflows/edited_v1?tab=yaml");
  await page.getByRole("link", { name: "Edit and publish" }).click();
  const text = await field(page).inputValue();
  await field(page).fill(text.replace("id: second", "id: last"));
  await page.getByText("✓ No problems").waitFor();
  await page.getByRole("button", { name: "Publish…" }).click();
  const dialog = page.getByRole("dialog");
  const changes = dialog.getByRole("region", { name: "Changes to version 1" });
  await changes.getByText("id: last").waitFor();
  assert.match(await changes.innerText(), /−[\s\S]*id: second[\s\S]*\+[\s\S]*id: last/);
  await dialog.getByRole("button", { name: "Publish", exact: true }).click();
  await page.getByText("Version 2").first().waitFor();
  await page.getByRole("link", { name: "Versions" }).click();
  await page.getByRole("link", { name: "Compare with 1" }).click();
  const diff = page.getByRole("region", { name: "From version 1 to version 2" });
  await diff.getByText("id: last").waitFor();
  assert.match(await diff.innerText(), /−[\s\S]*id: second/);
});

d.test("an old version is taken up again by the editor", async ({ page, go }) => {
  await publishText(d, TEXT.replaceAll("greeting", "restored"));
  await publishText(d, TEXT.replaceAll("greeting", "restored").replace("id: second", "id: last"));
  await go("/workflows/restored_v1?tab=versions&version=1");
  await page.getByRole("button", { name: /version 1 in the editor/ }).click();
  assert.match(await field(page).inputValue(), /id: second/);
  await publishDraft(page);
  const [{ source }] = await d.db.admin`
    select source from workflow_definitions d join workflows w using (definition_id)
    where w.workflow_key = 'restored_v1'`;
  assert.match(source, /id: second/);
});

d.test("a text that is not published survives a reload, and another key is pointed out", async ({ page, go }) => {
  await publishText(d, TEXT.replaceAll("greeting", "draft"));
  await go("/workflows/draft_v1?tab=yaml&edit=1");
  await field(page).fill(TEXT.replaceAll("greeting", "other"));
  await page.getByText("publishing makes or changes that workflow").waitFor();
  page.on("dialog", (dialog) => void dialog.accept());
  await page.reload();
  await page.getByText("publishing makes or changes that workflow").waitFor();
  assert.match(await field(page).inputValue(), /other_v1/);
  await page.getByRole("button", { name: "Discard the changes" }).click();
  await page.getByRole("button", { name: "Discard for good" }).click();
  await page.getByText("draft_v1").first().waitFor();
});

d.test(
  "a viewer reads the text and is refused to publish, in the page and by the server",
  async ({ page, go }) => {
    await publishText(d, TEXT.replaceAll("greeting", "guarded"));
    await go("/workflows/guarded_v1?tab=yaml&edit=1");
    await field(page).fill(
      TEXT.replaceAll("greeting", "guarded").replace("id: second", "id: last"),
    );
    await page.getByText("✓ No problems").waitFor();
    await page.getByRole("button", { name: "Publish…" }).click({ force: true });
    await page.getByRole("status").getByText("Your role is viewer").waitFor();
    const answer = await d.callAs("viewer", "POST", "/workflows", { source: TEXT });
    assert.equal(answer.status, 403);
    assert.equal(await versionsOf("guarded_v1"), 1);
  },
  { as: "viewer" },
);
