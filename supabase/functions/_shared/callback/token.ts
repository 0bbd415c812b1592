// The credential of an agent that answers later: it names one attempt of one job and an end, and is
// signed with a key derived from the service secret. Whoever has it may settle that attempt, nothing
// else. Deriving keeps the secret itself out of everything that is signed (RFC 5869, HKDF).
import { isEqualInConstantTime } from "../http/constant_time.ts";

const CONTEXT = "wisely-orchestrator/callback/v1";

/** What a token stands for. */
export interface CallbackClaims {
  jobId: number;
  /** Raised when a job is done anew, whose attempts may begin at 1 again. */
  generation: number;
  attempt: number;
  /** Milliseconds since 1970. */
  expiresAt: number;
}

/** Why a token is not accepted. */
export type TokenFault = "forged" | "expired";

export type ReadToken = { ok: true; claims: CallbackClaims } | { ok: false; fault: TokenFault };

export interface CallbackTokens {
  sign(claims: CallbackClaims): Promise<string>;
  /** Reads a token; `nowMs` is the time since 1970. */
  read(token: string, nowMs: number): Promise<ReadToken>;
}

const encoder = new TextEncoder();

/** `<job>.<generation>.<attempt>.<expiry>.<signature>`. */
const TOKEN = /^((\d{1,15})\.(\d{1,9})\.(\d{1,9})\.(\d{1,15}))\.([\w-]{43})$/;

/** Signs and reads tokens; the key is derived with the first of them. */
export function createCallbackTokens(secret: string): CallbackTokens {
  let key: Promise<CryptoKey> | null = null;
  const sign = async (signed: string): Promise<string> => {
    key ??= deriveKey(secret);
    return encodeBase64Url(await crypto.subtle.sign("HMAC", await key, encoder.encode(signed)));
  };
  return {
    async sign({ jobId, generation, attempt, expiresAt }) {
      const signed = `${jobId}.${generation}.${attempt}.${Math.ceil(expiresAt)}`;
      return `${signed}.${await sign(signed)}`;
    },
    async read(token, nowMs) {
      const parts = TOKEN.exec(token);
      if (parts === null) return { ok: false, fault: "forged" };
      const [, signed, ...numbers] = parts;
      const signature = numbers.pop()!;
      if (!isEqualInConstantTime(signature, await sign(signed))) {
        return { ok: false, fault: "forged" };
      }
      const [jobId, generation, attempt, expiresAt] = numbers.map(Number);
      const claims = { jobId, generation, attempt, expiresAt };
      return nowMs > claims.expiresAt ? { ok: false, fault: "expired" } : { ok: true, claims };
    },
  };
}

async function deriveKey(secret: string): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey("raw", encoder.encode(secret), "HKDF", false, [
    "deriveKey",
  ]);
  return await crypto.subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(32), info: encoder.encode(CONTEXT) },
    material,
    { name: "HMAC", hash: "SHA-256", length: 256 },
    false,
    ["sign"],
  );
}

function encodeBase64Url(bytes: ArrayBuffer): string {
  const text = String.fromCharCode(...new Uint8Array(bytes));
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
