// Signatures of Standard Webhooks 1.0.0 (https://www.standardwebhooks.com), made by its own library.
import { Webhook } from "standardwebhooks";

const SECRET_BYTES = 32;

/** A new signing secret, as receivers' libraries take it: whsec_ and base64. */
export function createSigningSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
  return `whsec_${btoa(String.fromCharCode(...bytes))}`;
}

/** The headers of one attempt; with several secrets a signature of each. */
export function signMessage(
  id: string,
  body: string,
  secrets: readonly string[],
  at: Date,
): Record<string, string> {
  return {
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(at.getTime() / 1_000)),
    "webhook-signature": secrets.map((secret) => new Webhook(secret).sign(id, at, body)).join(" "),
  };
}
