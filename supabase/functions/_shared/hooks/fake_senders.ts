// Senders for tests: each signs as its documentation says, with another implementation than the one under
// test.
import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import type { ApiKeySettings, HmacSettings, HookScheme } from "../contract/hooks.ts";

export interface SentDelivery {
  body: string;
  headers: Record<string, string>;
}

export interface Sending {
  body: string;
  /** Of the delivery, where the sender puts it into a header. */
  id?: string;
  /** In seconds. */
  timestamp?: number;
  /** One secret, or those of a sender that rotates. */
  secrets: string[];
}

export const HMAC_SETTINGS: HmacSettings = {
  header: "x-own-signature",
  algorithm: "sha512",
  encoding: "base64",
  prefix: "own=",
  timestamp_header: "x-own-time",
  signed: "{timestamp}/{body}/end",
  id_header: "x-own-id",
};

export const API_KEY_SETTINGS: ApiKeySettings = {
  header: "authorization",
  prefix: "Bearer ",
  id_header: "x-own-id",
};

/** A scheme of each preset, with settings that no other one has. */
export const SCHEMES: HookScheme[] = [
  { preset: "standard", settings: {} },
  { preset: "github", settings: {} },
  { preset: "stripe", settings: {} },
  { preset: "slack", settings: {} },
  { preset: "hmac", settings: HMAC_SETTINGS },
  { preset: "api_key", settings: API_KEY_SETTINGS },
];

/** A delivery as a sender of this kind would send it. */
export function send(scheme: HookScheme, sending: Sending): SentDelivery {
  const { body } = sending;
  const headers = { "content-type": "application/json", ...signHeaders(scheme, sending) };
  return { body, headers };
}

function signHeaders(
  { preset, settings }: HookScheme,
  { body, id = "id-1", timestamp = Math.floor(Date.now() / 1_000), secrets }: Sending,
): Record<string, string> {
  const [secret] = secrets;
  switch (preset) {
    case "standard": {
      const content = `${id}.${timestamp}.${body}`;
      const keys = secrets.map((it) => Buffer.from(it.replace("whsec_", ""), "base64"));
      return {
        "webhook-id": id,
        "webhook-timestamp": String(timestamp),
        "webhook-signature": keys.map((key) =>
          `v1,${createHmac("sha256", key).update(content).digest("base64")}`
        ).join(" "),
      };
    }
    case "github":
      return {
        "x-github-delivery": id,
        "x-github-event": "push",
        "x-hub-signature-256": `sha256=${signHex(secret, body)}`,
      };
    case "stripe": {
      const signatures = secrets.map((it) => `v1=${signHex(it, `${timestamp}.${body}`)}`);
      return { "stripe-signature": [`t=${timestamp}`, ...signatures].join(",") };
    }
    case "slack":
      return {
        "x-slack-request-timestamp": String(timestamp),
        "x-slack-signature": `v0=${signHex(secret, `v0:${timestamp}:${body}`)}`,
      };
    case "hmac": {
      const { header, algorithm, encoding, prefix, timestamp_header, id_header } =
        settings as HmacSettings;
      const content = (settings as HmacSettings).signed.replace("{timestamp}", String(timestamp))
        .replace("{body}", () => body);
      return {
        [header]: prefix + createHmac(algorithm, secret).update(content).digest(encoding),
        ...timestamp_header === undefined ? {} : { [timestamp_header]: String(timestamp) },
        ...id_header === undefined ? {} : { [id_header]: id },
      };
    }
    case "api_key": {
      const { header, prefix, id_header } = settings as ApiKeySettings;
      return {
        [header]: `${prefix}${secret}`,
        ...id_header === undefined ? {} : { [id_header]: id },
      };
    }
  }
}

function signHex(secret: string, content: string): string {
  return createHmac("sha256", secret).update(content).digest("hex");
}
