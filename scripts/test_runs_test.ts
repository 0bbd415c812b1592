// Which tests run side by side: none is left out, and those that need the machine have it for themselves.
import assert from "node:assert/strict";
import { ALONE, planTestRuns } from "./test_runs.ts";

const ROOT = new URL("../", import.meta.url);
const alone = ["tests/slow", "tests/path/clock_test.ts"];
const beside = ["--parallel", "--ignore=tests/slow,tests/path/clock_test.ts"];

Deno.test("without a file everything is tested: first side by side, then what must be alone", () => {
  const [together, apart, ...more] = planTestRuns([], alone);
  assert.deepEqual(together.slice(0, 2), beside);
  assert.ok(together.includes("tests") && together.includes("supabase/functions"));
  assert.deepEqual([apart, more], [alone, []]);
});

Deno.test("what must be alone is so when its folder is named, and when it is named by itself", () => {
  assert.deepEqual(planTestRuns(["tests/path"], alone), [
    [...beside, "tests/path"],
    ["tests/path/clock_test.ts"],
  ]);
  assert.deepEqual(planTestRuns(["./tests/path/clock_test.ts"], alone), [
    ["tests/path/clock_test.ts"],
  ]);
  assert.deepEqual(planTestRuns(["tests/slow/one_test.ts", "tests/slow/"], alone), [
    ["tests/slow/one_test.ts", "tests/slow"],
  ]);
});

Deno.test("a file beside one that must be alone has nothing to wait for", () => {
  assert.deepEqual(planTestRuns(["tests/path/clock_test.tsx", "tests/slowly"], alone), [
    [...beside, "tests/path/clock_test.tsx", "tests/slowly"],
  ]);
});

Deno.test("flags reach every run", () => {
  assert.deepEqual(planTestRuns(["--filter=a lease", "tests/path"], alone), [
    [...beside, "--filter=a lease", "tests/path"],
    ["--filter=a lease", "tests/path/clock_test.ts"],
  ]);
});

Deno.test("whatever is listed as alone is there", async () => {
  for (const path of ALONE) await Deno.stat(new URL(path, ROOT));
});
