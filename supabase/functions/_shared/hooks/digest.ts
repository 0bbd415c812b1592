// Digests of bytes as the senders write them.
import type { HmacSettings } from "../contract/hooks.ts";

const HASHES = { sha1: "SHA-1", sha256: "SHA-256", sha512: "SHA-512" } as const;

/** The signature of these bytes with a secret that is used as it is written. */
export async function signBytes(
  bytes: Uint8Array<ArrayBuffer>,
  secret: string,
  { algorithm, encoding }: Pick<HmacSettings, "algorithm" | "encoding">,
): Promise<string> {
  const hmac = { name: "HMAC", hash: HASHES[algorithm] };
  const bits = new TextEncoder().encode(secret);
  const key = await crypto.subtle.importKey("raw", bits, hmac, false, ["sign"]);
  const signature = new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes));
  return encoding === "hex" ? writeHex(signature) : writeBase64(signature);
}

/** SHA-256 in hex. */
export async function hashBytes(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return writeHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

export function hashText(text: string): Promise<string> {
  return hashBytes(new TextEncoder().encode(text));
}

export function writeBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

function writeHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
