/// <reference lib="dom" />
// For everybody: every page, and every dialog, for people who do not see well, do not use a mouse, use a
// phone, or are made sick by motion. A picture of each is kept in the folder screenshots, for eyes.
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { waitFor } from "../harness/stack.ts";
import { checkAccessible } from "./axe.ts";
import { openDashboard } from "./dashboard.ts";
import { keepPicture } from "./pictures.ts";
import { listPlaces, openPlace, type Place } from "./places.ts";
import { makeSample } from "./sample.ts";

const d = await openDashboard();
Deno.test.afterAll(() => d.close());
const sample = await makeSample(d);
const places = listPlaces(sample);

const NARROW = { width: 360, height: 740 };

/** Looks at every place, so that one failure does not hide the others. */
async function everywhere(look: (place: Place) => Promise<void>): Promise<void> {
  const failures: string[] = [];
  for (const place of places) {
    await look(place).catch((error) => failures.push(`${place.name}: ${error.message}`));
  }
  if (failures.length > 0) throw new Error(failures.join("\n\n"));
}

/** What stands out of the page's sides, by how far. */
function findOverflow(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    return [...document.querySelectorAll("body *")]
      .filter((it) => it.getBoundingClientRect().right > clientWidth + 1)
      .slice(0, 8).map((it) =>
        `${it.tagName}.${it.className} ${it.textContent?.trim().slice(0, 40)}`
      );
  });
}

/** Statuses that are told by colour alone: no shape, or no word. */
function findWordless(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll(".status, .node")]
      .filter((it) => {
        const hasShape = (it.querySelector("svg path")?.getAttribute("d") ?? "") !== "";
        return !hasShape || !/[a-z]/i.test(it.textContent ?? "");
      }).map((it) => it.outerHTML.slice(0, 200))
  );
}

d.test("no page breaks a rule of axe-core, in the light and in the dark, and no status is told by colour alone", async ({ page, foresee }) => {
  foresee(/status of 4\d\d/);
  await everywhere(async (place) => {
    await page.emulateMedia({ colorScheme: "light" });
    await openPlace(page, d, place);
    assert.deepEqual(await findWordless(page), []);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      await keepPicture(page, `${place.name}, ${colorScheme}`);
      await checkAccessible(page, colorScheme);
    }
  });
});

d.test(
  "at 360 px no page scrolls sideways, and none breaks a rule of axe-core",
  async ({ page, foresee }) => {
    foresee(/status of 4\d\d/);
    await everywhere(async (place) => {
      await openPlace(page, d, place);
      await keepPicture(page, `${place.name}, narrow`);
      assert.deepEqual(await findOverflow(page), []);
      await checkAccessible(page, "narrow");
    });
  },
  { viewport: NARROW },
);

d.test("the sign-in is for everybody, too", async ({ page, go }) => {
  await go("/");
  await page.getByLabel("Password").waitFor();
  await checkAccessible(page, "sign-in");
  await page.setViewportSize(NARROW);
  assert.deepEqual(await findOverflow(page), []);
}, { as: null });

d.test(
  "the page of somebody without a role is for everybody, too",
  async ({ page, go, foresee }) => {
    foresee(/status of 403/);
    await go("/");
    await page.getByRole("heading", { name: "No access" }).waitFor();
    await checkAccessible(page, "no role");
  },
  { as: "stranger" },
);

d.test("the keyboard alone signs in, filters the runs and opens one", async ({ page, go }) => {
  await go("/runs");
  const tabTo = async (name: RegExp) => {
    for (let steps = 0; steps < 60; steps++) {
      await page.keyboard.press("Tab");
      const focused = await page.evaluate(() => {
        const it = document.activeElement as HTMLElement;
        const label = (it as HTMLInputElement).labels?.[0]?.textContent ?? "";
        const isOutlined = getComputedStyle(it).outlineStyle !== "none";
        return { name: `${it.tagName} ${label} ${it.textContent?.trim()}`, isOutlined };
      });
      if (!name.test(focused.name)) continue;
      assert.ok(focused.isOutlined, `the focus is not visible on ${focused.name}`);
      return;
    }
    throw new Error(`the Tab key never reaches ${name}`);
  };
  const { email, password } = d.accounts.operator;
  await tabTo(/^INPUT E-mail/);
  await page.keyboard.type(email);
  await tabTo(/^INPUT Password/);
  await page.keyboard.type(password);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Runs" }).waitFor();
  await page.evaluate(() => (document.activeElement as HTMLElement).blur());
  await tabTo(/^A .*Skip to the content/);
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement?.id), "content");
  await tabTo(/^INPUT User/);
  await page.keyboard.type("grace");
  await page.waitForFunction(() => location.hash.includes("user_id=grace"));
  await page.getByRole("region", { name: "Runs, newest first" }).waitFor();
  await tabTo(/^A [\s\S]*01[0-9a-f]{3,}/);
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => /#\/runs\/01/.test(location.hash));
  await page.getByRole("group", { name: /Steps as a graph/ }).waitFor();
}, { as: null });

d.test("a dialog keeps the focus, Escape closes it, and the focus returns", async ({ page, go }) => {
  await go("/rate-limits");
  const button = page.getByRole("button", { name: "Add a policy" });
  await button.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  for (let steps = 0; steps < 12; steps++) {
    await page.keyboard.press("Tab");
    const isInside = await page.evaluate(() =>
      document.activeElement === document.body ||
      document.activeElement!.closest("dialog") !== null
    );
    assert.ok(isInside, "the focus has left the dialog");
  }
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await waitFor(
    "the focus to return",
    () => button.evaluate((node) => node === document.activeElement),
  );
});

for (const reducedMotion of ["reduce", "no-preference"] as const) {
  const isStill = reducedMotion === "reduce";
  d.test(
    `${isStill ? "nothing moves" : "the spinner turns"} for who has ${
      isStill ? "asked for stillness" : "not asked for stillness"
    }`,
    async ({ page, go }) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      await page.route("**/orchestrator/runs?**", async (route) => {
        await promise;
        await route.continue();
      });
      await go("/runs");
      await page.getByText("Loading runs").waitFor();
      const moving = await page.evaluate(() =>
        // A hundredth of a millisecond is how the style sheet ends them.
        document.getAnimations().filter(({ effect }) =>
          Number(effect?.getComputedTiming().endTime) > 1
        ).length
      );
      assert.equal(moving > 0, !isStill);
      resolve();
      await page.getByRole("region", { name: "Runs, newest first" }).waitFor();
    },
    { reducedMotion },
  );
}

d.test("times are told by the reader's clock and in UTC", async ({ page, go }) => {
  await go(`/runs/${sample.scored}`);
  const started = page.locator(".run-facts time").first();
  const at = await started.getAttribute("datetime");
  const text = await started.innerText();
  assert.ok(
    text.includes(`${new Date(at!).toISOString().slice(0, 19).replace("T", " ")} UTC`),
    text,
  );
  const local = new Intl.DateTimeFormat("en-US", {
    timeZone: "Asia/Tokyo",
    hour: "2-digit",
    minute: "2-digit",
    hour12: false,
  }).format(new Date(at!));
  assert.ok(text.includes(local), `${local} in ${text}`);
}, { timezoneId: "Asia/Tokyo", locale: "en-US" });

d.test("an unknown page says so and leads to the overview", async ({ page, go }) => {
  await go("/nowhere/at/all");
  await page.getByRole("heading", { name: "There is no such page" }).waitFor();
  await page.getByRole("link", { name: "Go to the overview" }).click();
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
});
