// What a sender sent, and its parts: who reads which is in schemes.ts.

/** A delivery as it came in, before anything of it is believed. */
export interface Delivery {
  headers: Headers;
  /** What is signed: the body's own bytes, whatever they mean. */
  raw: Uint8Array<ArrayBuffer>;
}

/** The header's value, or a text that is no signature, id or time of anybody. */
export function readHeader({ headers }: Delivery, name: string): string {
  return headers.get(name)?.trim() ?? "";
}

const encoder = new TextEncoder();

/** The bytes of texts and of bytes, one after the other. */
export function joinBytes(...parts: (string | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  const chunks = parts.map((part) => typeof part === "string" ? encoder.encode(part) : part);
  const joined = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    joined.set(chunk, offset);
    offset += chunk.length;
  }
  return joined;
}
