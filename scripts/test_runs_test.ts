// Which tests run side by side: none is left out, and those that need the machine have it for themselves.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { ALONE, listTestFiles, planTestRuns } from "./test_runs.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const alone = ["tests/slow", "tests/path/clock_test.ts"];

Deno.test("files run side by side, but for those that must be alone, and flags reach every run", () => {
  const files = ["tests/path/a_test.ts", "tests/path/clock_test.ts", "tests/slow/one_test.ts"];
  assert.deepEqual(planTestRuns(files, ["--filter=a lease"], alone), [
    ["--parallel", "--filter=a lease", "tests/path/a_test.ts"],
    ["--filter=a lease", "tests/path/clock_test.ts", "tests/slow/one_test.ts"],
  ]);
  assert.deepEqual(planTestRuns(["tests/slowly/a_test.ts"], [], alone), [
    ["--parallel", "tests/slowly/a_test.ts"],
  ]);
  assert.deepEqual(planTestRuns(["tests/slow/a_test.ts"], [], alone), [["tests/slow/a_test.ts"]]);
});

Deno.test("whatever is listed as alone is there", async () => {
  for (const path of ALONE) await Deno.stat(`${ROOT}${path}`);
});

Deno.test("without a name every test file is run once, in whichever of the runs", async () => {
  const files = await listTestFiles(ROOT, []);
  const run = planTestRuns(files, []).flat().filter((arg) => !arg.startsWith("--"));
  assert.deepEqual(run.toSorted(), files.toSorted());
  assert.equal(new Set(files).size, files.length);
  const folders = (await Array.fromAsync(Deno.readDir(ROOT))).filter(({ name, isDirectory }) =>
    isDirectory && !name.startsWith(".") && name !== "node_modules"
  );
  const found = await Promise.all(
    folders.map(({ name }) => listTestFiles(ROOT, [name]).catch(() => [])),
  );
  assert.deepEqual(found.flat().toSorted(), files.toSorted());
});

Deno.test("a folder stands for its test files, a file for itself, however they are written", async () => {
  const files = await listTestFiles(ROOT, ["./scripts/check/", "scripts/check/rules_test.ts"]);
  assert.deepEqual(files, ["scripts/check/rules_test.ts"]);
  assert.deepEqual(await listTestFiles(ROOT, ["tests/extensions/pg_cron.ts"]), [
    "tests/extensions/pg_cron.ts",
  ]);
});

Deno.test("a name without a test behind it is an error and not a success without tests", async () => {
  await assert.rejects(listTestFiles(ROOT, ["tests/nowhere"]), /tests\/nowhere: there is no such/);
  await assert.rejects(listTestFiles(ROOT, ["tests/harness"]), /tests\/harness: there is no test/);
});
