// The keys of agent tokens in the database: which one signs, which are published, and what becomes of them
// when a new one is kept.
import assert from "node:assert/strict";
import {
  createKeyReader,
  keepSigningKey,
  type KeyMode,
} from "../../supabase/functions/_shared/agent_token/signing_key.ts";
import { openDatabase, type TestDatabase } from "../harness/database.ts";

async function withDatabase(test: (db: TestDatabase) => Promise<void>): Promise<void> {
  const db = await openDatabase();
  try {
    await test(db);
  } finally {
    await db.close();
  }
}

async function keep({ rpc }: TestDatabase, mode: KeyMode): Promise<[result: string, id: string]> {
  const { result, key_id } = await keepSigningKey(rpc, mode);
  return [result, key_id];
}

const listKeyIds = async ({ rpc }: TestDatabase) =>
  (await rpc.listAgentTokenKeys()).map(({ key_id }) => key_id);

const findSigner = async ({ rpc }: TestDatabase) => (await createKeyReader(rpc)())?.kid ?? null;

const passMinutes = async ({ admin }: TestDatabase, minutes: number) => {
  await admin`update orchestrator.clock set shift = shift + ${`${minutes} minutes`}::interval`;
};

const listSecrets = async ({ admin }: TestDatabase) =>
  (await admin<{ id: string }[]>`
    select substr(name, length('orchestrator/agent_token_key/') + 1) as id from vault.secrets
    where name like 'orchestrator/agent_token_key/%' order by 1`).map(({ id }) => id);

Deno.test("the first key signs at once, and set-up keeps it from then on", () =>
  withDatabase(async (db) => {
    assert.deepEqual([await findSigner(db), await listKeyIds(db)], [null, []]);
    const [made, first] = await keep(db, "ensure");
    assert.deepEqual([made, await findSigner(db)], ["made", first]);
    assert.deepEqual(await keep(db, "ensure"), ["kept", first]);
    assert.deepEqual([await listKeyIds(db), await listSecrets(db)], [[first], [first]]);
  }));

Deno.test("a rotation publishes the next key for a quarter of an hour before it signs, and the last one for as long after", () =>
  withDatabase(async (db) => {
    const [, first] = await keep(db, "rotate");
    const [, second] = await keep(db, "rotate");
    assert.deepEqual([await listKeyIds(db), await findSigner(db)], [[first, second], first]);
    await passMinutes(db, 14);
    assert.equal(await findSigner(db), first);
    assert.deepEqual(await keep(db, "rotate"), ["kept", second], "a repetition makes no third key");
    await passMinutes(db, 1);
    assert.deepEqual([await listKeyIds(db), await findSigner(db)], [[first, second], second]);
    await passMinutes(db, 15);
    assert.deepEqual([await listKeyIds(db), await findSigner(db)], [[second], second]);
    const [, third] = await keep(db, "rotate");
    assert.deepEqual(
      (await listSecrets(db)).sort(),
      [second, third].sort(),
      "the first left Vault",
    );
  }));

Deno.test("a replacement signs at once, and takes all others with it", () =>
  withDatabase(async (db) => {
    await keep(db, "ensure");
    await keep(db, "rotate");
    const [made, only] = await keep(db, "replace");
    assert.deepEqual([made, await findSigner(db)], ["made", only]);
    assert.deepEqual([await listKeyIds(db), await listSecrets(db)], [[only], [only]]);
  }));

Deno.test("where Vault has lost the private part nothing is signed, and set-up makes a new key", () =>
  withDatabase(async (db) => {
    const [, first] = await keep(db, "ensure");
    await db
      .admin`delete from vault.secrets where name = ${`orchestrator/agent_token_key/${first}`}`;
    assert.equal(await findSigner(db), null);
    const [made, second] = await keep(db, "ensure");
    assert.deepEqual([made, await listKeyIds(db), await findSigner(db)], [
      "made",
      [second],
      second,
    ]);
  }));

Deno.test("set-ups that run at the same time agree on one key", () =>
  withDatabase(async (db) => {
    const kept = await Promise.all(Array.from({ length: 8 }, () => keep(db, "ensure")));
    assert.equal(new Set(kept.map(([, keyId]) => keyId)).size, 1);
    assert.equal(kept.filter(([result]) => result === "made").length, 1);
    assert.equal((await listSecrets(db)).length, 1);
  }));

Deno.test("a private part does not get into the table, and an unknown mode is refused", () =>
  withDatabase(async ({ rpc }) => {
    const key = { keyId: "k", privateKey: "{}" };
    await assert.rejects(
      rpc.keepAgentTokenKey({ ...key, publicKey: { kty: "EC", d: "secret" }, mode: "ensure" }),
    );
    await assert.rejects(
      rpc.keepAgentTokenKey({ ...key, publicKey: {}, mode: "renew" as KeyMode }),
      /mode must be ensure, rotate or replace, got renew|invalid/,
    );
    assert.deepEqual(await rpc.listAgentTokenKeys(), []);
  }));
