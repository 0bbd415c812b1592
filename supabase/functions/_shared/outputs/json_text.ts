// How large a value is as JSON text in UTF-8, which is how outputs are measured and kept.

const encoder = new TextEncoder();

/** Bytes of a text in UTF-8. */
export function countBytes(text: string): number {
  return encoder.encode(text).length;
}

/** A value as JSON text; what JSON does not know, such as undefined, is null. */
export function writeJson(value: unknown): string {
  return JSON.stringify(value) ?? "null";
}

/** Bytes of a value as JSON text. */
export function measureJson(value: unknown): number {
  return countBytes(writeJson(value));
}

/** The digest by which a stored text is known again, in hexadecimal digits. */
export async function digestText(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", encoder.encode(text));
  return Array.from(
    new Uint8Array(digest),
    (byte) => byte.toString(16).padStart(2, "0"),
  ).join("");
}
