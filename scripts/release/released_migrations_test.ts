import assert from "node:assert/strict";
import {
  addRelease,
  findBrokenPromises,
  hashMigrations,
  listFirstRelease,
  readReleases,
} from "./released_migrations.ts";

const ROOT = decodeURI(new URL("../..", import.meta.url).pathname);
const FIRST = { "1_a.sql": "aa", "2_b.sql": "bb" };
const released = addRelease([], FIRST, "1.0.0");

Deno.test("no released migration of this project was changed, and the new ones come after", async () => {
  const found = await hashMigrations(ROOT);
  assert.ok(Object.keys(found).length > 20);
  assert.deepEqual(findBrokenPromises(await readReleases(ROOT), found), []);
});

Deno.test("before the first release all migrations belong to it, and may be changed", () => {
  assert.deepEqual(listFirstRelease([], FIRST), ["1_a.sql", "2_b.sql"]);
  assert.deepEqual(findBrokenPromises([], FIRST), []);
});

Deno.test("after it, the first release is what it was, whatever comes later", () => {
  const later = addRelease(released, { ...FIRST, "3_c.sql": "cc" }, "1.1.0");
  assert.deepEqual(later.map(({ migrations }) => Object.keys(migrations)), [
    ["1_a.sql", "2_b.sql"],
    ["3_c.sql"],
  ]);
  assert.deepEqual(listFirstRelease(later, {}), ["1_a.sql", "2_b.sql"]);
});

Deno.test("a released migration that is changed or gone is named, with what to do", () => {
  const [changed] = findBrokenPromises(released, { ...FIRST, "2_b.sql": "other" });
  assert.match(changed, /^2_b\.sql is not what release 1\.0\.0 has: undo .* new file$/);
  const [gone] = findBrokenPromises(released, { "2_b.sql": "bb" });
  assert.match(gone, /^1_a\.sql is gone, and release 1\.0\.0 has it/);
});

Deno.test("a new migration may not stand before a released one: databases out there would not run it", () => {
  assert.deepEqual(findBrokenPromises(released, { ...FIRST, "3_c.sql": "cc" }), []);
  const [early] = findBrokenPromises(released, { ...FIRST, "1_z.sql": "zz" });
  assert.match(early, /^1_z\.sql comes before 2_b\.sql, which is released: give it a later stamp$/);
});

Deno.test("a release that is none, is there already, or breaks a promise is refused", () => {
  assert.throws(
    () => addRelease([], FIRST, "0.1.0-dev"),
    /"0\.1\.0-dev" is no release; set VERSION/,
  );
  assert.throws(() => addRelease(released, FIRST, "1.0.0"), /release 1\.0\.0 has its own already/);
  assert.throws(() => addRelease(released, { "1_a.sql": "aa" }, "1.1.0"), /2_b\.sql is gone/);
});
