import assert from "node:assert/strict";
import { createKeyReader, makeSigningKey } from "./signing_key.ts";

Deno.test("a key is read once a minute, by all calls together, and kept while the database is away", async () => {
  const keys = [await makeSigningKey("first"), await makeSigningKey("second")];
  let reads = 0;
  let isAway = true;
  let nowMs = 0;
  const readKey = createKeyReader({
    getAgentTokenKey: () => {
      if (isAway) return Promise.reject(new Error("the database is away"));
      const key = keys[Math.min(reads++, 1)];
      return Promise.resolve({ key_id: key.kid, private_key: JSON.stringify(key) });
    },
  }, () => nowMs);
  await assert.rejects(readKey(), /away/);
  isAway = false;
  const found = await Promise.all([readKey(), readKey()]);
  assert.deepEqual(found.map((key) => key?.kid), ["first", "first"]);
  assert.equal(reads, 1);
  nowMs = 60_000;
  assert.equal((await readKey())?.kid, "first");
  isAway = true;
  nowMs = 60_001;
  assert.equal((await readKey())?.kid, "first");
  isAway = false;
  nowMs = 120_002;
  assert.equal((await readKey())?.kid, "second");
  assert.equal(reads, 2);
});
