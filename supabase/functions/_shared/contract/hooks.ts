// Sources of webhooks: what a source is, as the routes tell it and the database keeps it, and its numbers.

/** Whose way of signing a source follows; `hmac` and `api_key` are told theirs by settings. */
export const HOOK_PRESETS = ["standard", "github", "stripe", "slack", "hmac", "api_key"] as const;
export type HookPreset = typeof HOOK_PRESETS[number];

/** A source's name, as its table has it. */
export const SOURCE_NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/** How far a delivery's timestamp may be from now unless the source says otherwise. */
export const DEFAULT_TOLERANCE_SECONDS = 300;

/** How long the secret before is taken after a rotation unless the request says otherwise. */
export const DEFAULT_OVERLAP_SECONDS = 86_400;

export interface HmacSettings {
  /** Has the signature. Names of headers are in lower case. */
  header: string;
  algorithm: "sha1" | "sha256" | "sha512";
  encoding: "hex" | "base64";
  /** Stands before the signature, such as `sha256=`. */
  prefix: string;
  /** Unix time, in seconds or milliseconds. */
  timestamp_header?: string;
  /** What is signed, with `{body}` in it and, if there is one, `{timestamp}`. */
  signed: string;
  /** Has the delivery's id. */
  id_header?: string;
}

export interface ApiKeySettings {
  header: string;
  /** Stands before the key, such as `Bearer `. */
  prefix: string;
  id_header?: string;
}

/** How a sender signs. */
export type HookScheme =
  | { preset: "standard" | "github" | "stripe" | "slack"; settings: Record<never, never> }
  | { preset: "hmac"; settings: HmacSettings }
  | { preset: "api_key"; settings: ApiKeySettings };

/** What becomes of a delivery; texts with `${{ }}`, and a bare expression to filter. */
export interface HookRules {
  event_type: string;
  /** Whether there is an event at all; null: always. */
  filter: string | null;
  user_id: string;
}

export type HookSource = HookScheme & HookRules & {
  /** Its name, in the URL that its sender calls. */
  source: string;
  enabled: boolean;
  tolerance_seconds: number;
  /** How long the secret before the last rotation is taken. */
  previous_valid_until: string | null;
  created_at: string;
  updated_at: string;
};
