// The key that signs agent tokens: made at set-up, kept in Vault, read by workers for a minute at most.
import type { Rpc } from "../database/rpc.ts";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256" };

/** How long a worker goes on with a key that it has read. */
const MAX_AGE_MS = 60_000;

/** ES256, with its id. */
export type SigningKey = JsonWebKey & { kid: string; alg: "ES256" };

/** What becomes of the keys that are there; see keep_agent_token_key in SQL. */
export type KeyMode = "ensure" | "rotate" | "replace";

/** Makes a key and has it kept. `made`: it signs from `signs_from` on; `kept`: there was one already. */
export async function keepSigningKey(rpc: Pick<Rpc, "keepAgentTokenKey">, mode: KeyMode) {
  const pair = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const kid = crypto.randomUUID();
  const { kty, crv, x, y, d } = await crypto.subtle.exportKey("jwk", pair.privateKey);
  const publicKey = { kty, crv, x, y, kid, alg: "ES256", use: "sig" };
  return await rpc.keepAgentTokenKey({
    keyId: kid,
    publicKey,
    privateKey: JSON.stringify({ kty, crv, x, y, d, kid, alg: "ES256" }),
    mode,
  });
}

/** Makes a reader of the key that signs now; null where none was made. */
export function createKeyReader(
  rpc: Pick<Rpc, "getAgentTokenKey">,
  now: () => number = Date.now,
): () => Promise<SigningKey | null> {
  let key: SigningKey | null = null;
  let readAt = -Infinity;
  return async () => {
    if (key === null || now() - readAt > MAX_AGE_MS) {
      const found = await rpc.getAgentTokenKey();
      key = found?.private_key ? JSON.parse(found.private_key) as SigningKey : null;
      readAt = now();
    }
    return key;
  };
}
