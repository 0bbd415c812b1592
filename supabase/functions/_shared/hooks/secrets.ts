// The secrets of sources: made, checked, and brought into the form in which Vault keeps them.
import type { HookPreset } from "../contract/hooks.ts";
import { hashText, writeBase64 } from "./digest.ts";

const STANDARD_PREFIX = "whsec_";
/** The standard's own bounds. */
const STANDARD_MIN_BYTES = 24;
const STANDARD_MAX_BYTES = 64;
const MADE_BYTES = 32;

/** GitHub, Stripe and Slack are asked for theirs, or show it; to others it is told. */
export function canMakeSecret(preset: HookPreset): boolean {
  return preset === "standard" || preset === "hmac" || preset === "api_key";
}

/** 256 random bits in the form of the preset. */
export function makeSecret(preset: HookPreset): string {
  const random = writeBase64(crypto.getRandomValues(new Uint8Array(MADE_BYTES)));
  if (preset === "standard") return `${STANDARD_PREFIX}${random}`;
  // For a header or a form that must not be escaped.
  return random.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** Why a secret cannot be one of the preset, or null. Never quotes it. */
export function findSecretFault(secret: string, preset: HookPreset): string | null {
  if (preset !== "standard") return null;
  const bytes = countBase64Bytes(secret.slice(STANDARD_PREFIX.length));
  const isOne = secret.startsWith(STANDARD_PREFIX) && bytes !== null &&
    bytes >= STANDARD_MIN_BYTES && bytes <= STANDARD_MAX_BYTES;
  if (isOne) return null;
  return `must be ${STANDARD_PREFIX} and ${STANDARD_MIN_BYTES} to ${STANDARD_MAX_BYTES} bytes in padded base64`;
}

/** What Vault keeps: of an API key its digest alone, since nobody needs the key to check it. */
export async function sealSecret(secret: string, preset: HookPreset): Promise<string> {
  return preset === "api_key" ? await hashText(secret) : secret;
}

/** Null for what a stricter reader than this one might not take: no padding, or spaces. */
function countBase64Bytes(text: string): number | null {
  try {
    const bytes = atob(text);
    return btoa(bytes) === text ? bytes.length : null;
  } catch {
    return null;
  }
}
