// The project's public signing keys: inline from the environment (hosted, local), or fetched and
// kept for a while where only their address is known (self-hosted).
import { OrchestratorError } from "../contract/errors.ts";

export type PublicKey = JsonWebKey & { kid?: string };

/** Finds the keys that may have signed a token with this key id. */
export type KeySource = (keyId: string) => Promise<PublicKey[]>;

const KEEP_MS = 600_000;
/** Strangers can send tokens with made-up key ids; each of them must not cost a fetch. */
const UNKNOWN_KEY_PAUSE_MS = 30_000;
const FETCH_TIMEOUT_MS = 5_000;

/** Makes a source of keys from an inline set, an address, or nothing (then no token verifies). */
export function createKeySource(
  jwks: { keys: unknown } | URL | null,
  now: () => number = Date.now,
): KeySource {
  if (!(jwks instanceof URL)) {
    const keys = readKeys(jwks);
    return () => Promise.resolve(keys);
  }
  let keys: PublicKey[] = [];
  let fetchedAt = -Infinity;
  let fetching: Promise<void> | null = null;
  return async (keyId) => {
    const age = now() - fetchedAt;
    const isUnknown = !keys.some((key) => key.kid === keyId);
    if (age > KEEP_MS || (isUnknown && age > UNKNOWN_KEY_PAUSE_MS)) {
      fetching ??= fetchKeys(jwks).then((found) => {
        keys = found;
        fetchedAt = now();
      }).finally(() => fetching = null);
      await fetching;
    }
    return keys;
  };
}

async function fetchKeys(address: URL): Promise<PublicKey[]> {
  try {
    const response = await fetch(address, {
      // Who may say which keys are trusted is told by the address, not by who answers there.
      redirect: "error",
      signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
    });
    if (response.ok) return readKeys(await response.json());
    await response.body?.cancel();
    throw new Error(`status ${response.status}`);
  } catch (cause) {
    throw new OrchestratorError(
      "unavailable",
      "reading the project's signing keys: no answer",
      {
        retryAfterMs: 2_000,
        cause,
      },
    );
  }
}

/** Only public keys of asymmetric algorithms: a shared secret has no place in a key set. */
function readKeys(jwks: unknown): PublicKey[] {
  const keys = typeof jwks === "object" && jwks !== null && "keys" in jwks ? jwks.keys : [];
  if (!Array.isArray(keys)) return [];
  return keys.filter((key: PublicKey) => ["EC", "RSA", "OKP"].includes(key?.kty ?? ""));
}
