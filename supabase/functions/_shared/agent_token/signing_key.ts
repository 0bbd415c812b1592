// The key that signs agent tokens: made at set-up, kept in Vault, read by workers for a minute at most.
import type { Rpc } from "../database/rpc.ts";
import { noteSecrets } from "../redact.ts";

/** How long a worker goes on with a key that it has read. */
const MAX_AGE_MS = 60_000;

/** Ed25519, with its id. */
export type SigningKey = JsonWebKey & { kid: string; alg: "EdDSA" };

/** What becomes of the keys that are there; see keep_agent_token_key in SQL. */
export type KeyMode = "ensure" | "rotate" | "replace";

/** Makes a key and has it kept. `made`: it signs from `signs_from` on; `kept`: there was one already. */
export async function keepSigningKey(rpc: Pick<Rpc, "keepAgentTokenKey">, mode: KeyMode) {
  const key = await makeSigningKey();
  const { d: _private, ...publicPart } = key;
  return await rpc.keepAgentTokenKey({
    keyId: key.kid,
    publicKey: { ...publicPart, use: "sig" },
    privateKey: JSON.stringify(key),
    mode,
  });
}

/** Makes a key, with its private part. */
export async function makeSigningKey(kid: string = crypto.randomUUID()): Promise<SigningKey> {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  const { kty, crv, x, d } = await crypto.subtle.exportKey(
    "jwk",
    (pair as CryptoKeyPair).privateKey,
  );
  return { kty, crv, x, d, kid, alg: "EdDSA" };
}

/**
 * Makes a reader of the key that signs now; null where none was made. Once it has a key, a database that
 * is away for a while does not take it.
 */
export function createKeyReader(
  rpc: Pick<Rpc, "getAgentTokenKey">,
  now: () => number = Date.now,
): () => Promise<SigningKey | null> {
  let key: SigningKey | null = null;
  let readAt = -Infinity;
  let reading: Promise<SigningKey | null> | null = null;
  const read = async () => {
    try {
      const found = await rpc.getAgentTokenKey();
      key = found?.private_key ? JSON.parse(found.private_key) as SigningKey : null;
      noteSecrets([key?.d]);
    } catch (error) {
      if (key === null) throw error;
    }
    readAt = now();
    return key;
  };
  return async () => {
    if (key !== null && now() - readAt <= MAX_AGE_MS) return key;
    reading ??= read().finally(() => reading = null);
    return await reading;
  };
}
