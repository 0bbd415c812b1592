// The picture of the README, made again by `deno task test tests/browser/readme_picture.ts`: a run that
// waits for somebody's word. No test of the suite: its result is a file for eyes.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { openDashboard } from "./dashboard.ts";
import { makeSample } from "./sample.ts";

const PATH = fileURLToPath(new URL("../../docs/dashboard.png", import.meta.url));
const MAX_BYTES = 150_000;

const d = await openDashboard({ isArranged: true });
Deno.test.afterAll(() => d.close());
const sample = await makeSample(d);

d.test("the picture of the README", async ({ page, go }) => {
  await go(`/runs/${sample.waiting}?step=approve`);
  await page.getByRole("button", { name: "Approve…" }).waitFor();
  await page.getByRole("group", { name: /Steps as a graph/ }).getByText("approve").first()
    .waitFor();
  await page.screenshot({ path: PATH });
  const { size } = await Deno.stat(PATH);
  assert.ok(size < MAX_BYTES, `${PATH} has ${size} bytes`);
}, { viewport: { width: 1280, height: 760 } });
