// Trigger keys: `wok_<key id>_<secret>`. The id finds the row, the secret is 256 random bits, and only the
// SHA-256 of the whole is ever kept. A slow hash would add nothing: there is no guessing such a secret.

import { Buffer } from "node:buffer";

export interface TriggerKey {
  keyId: string;
  /** The whole key: shown once, to whoever asked for it. */
  key: string;
  /** What the database keeps. */
  hash: string;
}

const KEY_ID_BYTES = 6;
const SECRET_BYTES = 32;
const KEY_ID = `[0-9a-f]{${KEY_ID_BYTES * 2}}`;
const KEY_PATTERN = new RegExp(
  `^wok_(${KEY_ID})_[A-Za-z0-9_-]{${Math.ceil(SECRET_BYTES * 4 / 3)}}$`,
);

/** What a key's id looks like. */
export const KEY_ID_PATTERN = new RegExp(`^${KEY_ID}$`);

/** A new key, which nothing else knows. */
export async function makeTriggerKey(): Promise<TriggerKey> {
  const keyId = drawBytes(KEY_ID_BYTES).toString("hex");
  const secret = drawBytes(SECRET_BYTES).toString("base64url");
  const key = `wok_${keyId}_${secret}`;
  return { keyId, key, hash: await hashKey(key) };
}

/** The id of a text that has the form of a key, or null. */
export function readKeyId(text: string): string | null {
  return KEY_PATTERN.exec(text)?.[1] ?? null;
}

/** SHA-256 of the whole key, in hex. */
export async function hashKey(key: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(key));
  return Buffer.from(digest).toString("hex");
}

function drawBytes(count: number): Buffer {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(count)));
}
