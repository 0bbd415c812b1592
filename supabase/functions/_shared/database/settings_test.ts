import assert from "node:assert/strict";
import { createSettingsReader, SETTINGS_MAX_AGE_MS } from "./settings.ts";

function setUp() {
  const state = {
    now: 0,
    reads: 0,
    rows: {} as Record<string, unknown>,
    isAway: false,
  };
  const load = createSettingsReader({
    getSettings: () => {
      state.reads++;
      return state.isAway ? Promise.reject(new Error("away")) : Promise.resolve(state.rows);
    },
  }, () => state.now);
  return { state, load };
}

Deno.test("settings are read once for all who ask within their age", async () => {
  const { state, load } = setUp();
  await Promise.all([load(), load()]);
  state.now = SETTINGS_MAX_AGE_MS - 1;
  await load();
  assert.equal(state.reads, 1);
});

Deno.test("a changed row takes effect after that age", async () => {
  const { state, load } = setUp();
  assert.equal((await load()).batchSize, 10);
  state.rows = { batch_size: 33 };
  state.now = SETTINGS_MAX_AGE_MS;
  assert.equal((await load()).batchSize, 33);
});

Deno.test("a failed read is not kept", async () => {
  const { state, load } = setUp();
  state.isAway = true;
  await assert.rejects(load());
  state.isAway = false;
  assert.equal((await load()).batchSize, 10);
});
