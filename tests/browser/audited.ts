// Whether the audit page shows what was done, by whom.
import type { Page } from "playwright-core";

/** Waits until the page shows an entry of the action, in its words, by this person at this target. */
export async function showsEntry(
  page: Page,
  words: string,
  who: string,
  target: string | RegExp,
): Promise<void> {
  const table = page.getByRole("region", { name: "What was done, newest first" });
  await table.getByRole("row").filter({ hasText: words }).filter({ hasText: who })
    .filter({ hasText: target }).first().waitFor();
}
