// The small pure parts of the local stack: its reading of config.toml and of cron schedules.
import assert from "node:assert/strict";
import { parseToml, readProjectConfig } from "../../scripts/stack/config.ts";
import { findNextDue } from "../../scripts/stack/cron_loop.ts";
import { FIXTURE_ROOT } from "./stack_fixture.ts";

Deno.test("config.toml is read with comments, lists over lines and quoted names", () => {
  const sections = parseToml(`
top = 1 # a comment
[api]
schemas = ["public", "a#b"]
long = [
  "one", # first
  'two',
]
[functions."my-function"]
verify_jwt = false
entrypoint = "./functions/my-function/index.ts"`);
  assert.equal(sections.get("")?.get("top"), 1);
  assert.deepEqual(sections.get("api")?.get("schemas"), ["public", "a#b"]);
  assert.deepEqual(sections.get("api")?.get("long"), ["one", "two"]);
  assert.equal(sections.get("functions.my-function")?.get("verify_jwt"), false);
});

Deno.test("a line that is no TOML is named", () => {
  assert.throws(() => parseToml("[api]\nnonsense"), /line 2: nonsense/);
});

Deno.test("a project without a config.toml has Supabase's defaults", async () => {
  const config = await readProjectConfig(`${FIXTURE_ROOT}/nowhere`);
  assert.deepEqual(config, { schemas: ["public"], maxRows: 1000, databasePort: 54322 });
});

Deno.test("schedules mean what they mean to pg_cron, in UTC", () => {
  const now = Date.parse("2026-02-27T12:34:56Z");
  const next = (schedule: string) => {
    const due = findNextDue(schedule, now);
    return due === undefined ? undefined : new Date(due).toISOString();
  };
  assert.equal(next("30 seconds"), "2026-02-27T12:35:26.000Z");
  assert.equal(next("* * * * *"), "2026-02-27T12:35:00.000Z");
  assert.equal(next("*/60 * * * *"), "2026-02-27T13:00:00.000Z");
  assert.equal(next("0 18 * * SUN"), "2026-03-01T18:00:00.000Z");
  assert.equal(next("0 0 $ * *"), "2026-02-28T00:00:00.000Z");
  // Day of month or day of week, as in every Vixie cron.
  assert.equal(next("0 0 1 * 6"), "2026-02-28T00:00:00.000Z");
  assert.equal(next("nonsense"), undefined);
});
