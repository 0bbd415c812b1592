// Pictures of pages, for eyes: written into an ignored folder beside the tests.
import type { Page } from "playwright-core";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("screenshots", import.meta.url));

/** Writes a picture of all of the page; answers its path. */
export async function keepPicture(page: Page, name: string, isWhole = true): Promise<string> {
  await Deno.mkdir(FOLDER, { recursive: true });
  const path = `${FOLDER}/${name.replaceAll(/[^\w.-]+/g, "_").slice(0, 100)}.png`;
  await page.screenshot({ path, fullPage: isWhole });
  return path;
}

/** What the page calls itself, for messages about failures. */
export async function findTitle(page: Page): Promise<string> {
  const heading = page.locator("h1").first();
  return await heading.innerText({ timeout: 500 }).catch(() => "without a heading");
}
