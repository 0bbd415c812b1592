// How each kind of sender signs: which signatures a delivery presents, what the right one would be, and
// when it says that it was sent. Nothing is decided here, and nothing thrown: what is missing is an empty
// text, so that a delivery without a signature costs the same time as one with a wrong one.
//
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
// https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
// https://docs.stripe.com/webhooks#verify-manually
// https://docs.slack.dev/authentication/verifying-requests-from-slack
import { Webhook } from "standardwebhooks";
import type { ApiKeySettings, HmacSettings, HookScheme } from "../contract/hooks.ts";
import { type Delivery, joinBytes, readHeader } from "./delivery.ts";
import { hashText, signBytes } from "./digest.ts";

export interface Presented {
  signatures: string[];
  /** As it was sent; null where the scheme has none. */
  timestamp: string | null;
  /** The signature that this secret would give. */
  sign(secret: string): string | Promise<string>;
}

const HEX_SHA256 = { algorithm: "sha256", encoding: "hex" } as const;

/** What a delivery presents, read as this scheme has it. */
export function readPresented(
  delivery: Delivery,
  scheme: HookScheme,
): Presented | Promise<Presented> {
  switch (scheme.preset) {
    case "standard":
      return readStandard(delivery);
    case "github":
      return {
        signatures: listPrefixed(readHeader(delivery, "x-hub-signature-256"), "sha256="),
        timestamp: null,
        sign: (secret) => signBytes(delivery.raw, secret, HEX_SHA256),
      };
    case "stripe":
      return readStripe(delivery);
    case "slack": {
      const timestamp = readHeader(delivery, "x-slack-request-timestamp");
      const content = joinBytes(`v0:${timestamp}:`, delivery.raw);
      return {
        signatures: listPrefixed(readHeader(delivery, "x-slack-signature"), "v0="),
        timestamp,
        sign: (secret) => signBytes(content, secret, HEX_SHA256),
      };
    }
    case "hmac":
      return readHmac(delivery, scheme.settings);
    case "api_key":
      return readApiKey(delivery, scheme.settings);
  }
}

function readStandard(delivery: Delivery): Presented {
  const id = readHeader(delivery, "webhook-id");
  const timestamp = readHeader(delivery, "webhook-timestamp");
  // With its byte order mark, if it has one: that is signed too. Bytes that are no text become others,
  // whose signature is another one.
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(delivery.raw);
  const at = new Date((isUnixTime(timestamp) ? Number(timestamp) : 0) * 1_000);
  return {
    signatures: id === ""
      ? []
      : listPrefixed(readHeader(delivery, "webhook-signature"), "v1,", " "),
    timestamp,
    sign: (secret) => new Webhook(secret).sign(id, at, text).slice("v1,".length),
  };
}

/** `t=…,v1=…,v1=…`: one signature for each secret that the sender has; other schemes prove nothing. */
function readStripe(delivery: Delivery): Presented {
  const header = readHeader(delivery, "stripe-signature");
  const timestamp = listPrefixed(header, "t=", ",")[0] ?? "";
  const content = joinBytes(`${timestamp}.`, delivery.raw);
  return {
    signatures: listPrefixed(header, "v1=", ","),
    timestamp,
    sign: (secret) => signBytes(content, secret, HEX_SHA256),
  };
}

function readHmac(delivery: Delivery, settings: HmacSettings): Presented {
  const { header, prefix, encoding, signed, timestamp_header } = settings;
  const timestamp = timestamp_header === undefined ? null : readHeader(delivery, timestamp_header);
  const [before, after] = signed.split("{body}")
    .map((part) => part.replaceAll("{timestamp}", () => timestamp ?? ""));
  const content = joinBytes(before, delivery.raw, after);
  const signatures = listPrefixed(readHeader(delivery, header), prefix);
  return {
    // Some senders write hex in capitals.
    signatures: encoding === "hex" ? signatures.map((it) => it.toLowerCase()) : signatures,
    timestamp,
    sign: (secret) => signBytes(content, secret, settings),
  };
}

/** The secret of an API key is its digest: the key itself is kept nowhere. */
async function readApiKey(
  delivery: Delivery,
  { header, prefix }: ApiKeySettings,
): Promise<Presented> {
  const [key = ""] = listPrefixed(readHeader(delivery, header), prefix);
  return { signatures: [await hashText(key)], timestamp: null, sign: (secret) => secret };
}

/** The parts of a list that begin with the prefix, without it. */
function listPrefixed(header: string, prefix: string, separator?: string): string[] {
  const parts = separator === undefined ? [header] : header.split(separator);
  return parts.map((part) => part.trim())
    .filter((part) => part.startsWith(prefix) && part.length > prefix.length)
    .map((part) => part.slice(prefix.length));
}

/** Whole seconds or milliseconds, written in the one way that they can be. */
export function isUnixTime(text: string): boolean {
  return /^[1-9]\d{0,12}$/.test(text);
}
