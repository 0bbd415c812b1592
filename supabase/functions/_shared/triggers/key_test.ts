import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { KEY_ID_PATTERN, makeTriggerKey, readKeyId } from "./key.ts";

Deno.test("a key has an id, a secret of 256 bits and the SHA-256 of the whole", async () => {
  const { keyId, key, hash } = await makeTriggerKey();
  assert.match(key, /^wok_[0-9a-f]{12}_[A-Za-z0-9_-]{43}$/);
  assert.match(keyId, KEY_ID_PATTERN);
  assert.equal(readKeyId(key), keyId);
  assert.equal(hash, createHash("sha256").update(key).digest("hex"));
});

Deno.test("no two keys are alike in any part", async () => {
  const keys = await Promise.all(Array.from({ length: 200 }, makeTriggerKey));
  for (const part of ["keyId", "key", "hash"] as const) {
    assert.equal(new Set(keys.map((it) => it[part])).size, 200, part);
  }
});

Deno.test("what is no key has no id", async () => {
  const { key } = await makeTriggerKey();
  const wrong = ["", "wok_", key.slice(1), key.slice(0, -1), `${key}x`, `${key}\n`, ` ${key}`];
  for (const text of [...wrong, key.toUpperCase(), key.replace("wok", "sb")]) {
    assert.equal(readKeyId(text), null, text);
  }
});
