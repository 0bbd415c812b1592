// What a request says of a source of webhooks.
import { z } from "zod";
import {
  DEFAULT_OVERLAP_SECONDS,
  DEFAULT_TOLERANCE_SECONDS,
  type HookPreset,
} from "../_shared/contract/hooks.ts";
import { text } from "./fields.ts";

const MAX_TOLERANCE_SECONDS = 3_600;
const MAX_OVERLAP_SECONDS = 7 * 86_400;

const header = z.string()
  .regex(/^[\w!#$%&'*+.^`|~-]{1,100}$/, "must be a header's name")
  .transform((name) => name.toLowerCase());
const prefix = z.string().max(50).regex(/^[\x20-\x7e]*$/, "must be printable ASCII").default("");
const secret = z.string().min(8).max(500)
  .regex(
    /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/,
    "must be printable ASCII, without a space at its ends",
  );

const rules = {
  event_type: text(500),
  filter: text(2_000).nullable().default(null),
  user_id: text(500),
  enabled: z.boolean().default(true),
  tolerance_seconds: z.int().min(1).max(MAX_TOLERANCE_SECONDS).default(DEFAULT_TOLERANCE_SECONDS),
  secret: secret.optional(),
};

const noSettings = z.strictObject({}).default({});

const hmacSettings = z.strictObject({
  header,
  algorithm: z.enum(["sha1", "sha256", "sha512"]).default("sha256"),
  encoding: z.enum(["hex", "base64"]).default("hex"),
  prefix,
  timestamp_header: header.optional(),
  signed: z.string().max(200).optional(),
  id_header: header.optional(),
}).transform(({ signed, ...rest }) => ({
  ...rest,
  signed: signed ?? (rest.timestamp_header === undefined ? "{body}" : "{timestamp}.{body}"),
})).superRefine(({ signed, timestamp_header }, context) => {
  const note = (message: string) => context.addIssue({ code: "custom", path: ["signed"], message });
  if (signed.split("{body}").length !== 2) note("must have {body} in it once");
  // A time that is not signed is the replayer's to choose.
  if (signed.includes("{timestamp}") !== (timestamp_header !== undefined)) {
    note("must have {timestamp} in it if there is a timestamp_header, and only then");
  }
});

const apiKeySettings = z.strictObject({
  header: header.default("x-api-key"),
  prefix,
  id_header: header.optional(),
}).prefault({});

const withPreset = <Preset extends HookPreset, Settings extends z.ZodType>(
  preset: Preset,
  settings: Settings,
) => z.strictObject({ preset: z.literal(preset), settings, ...rules });

/** The body of PUT /hooks/:source. */
export const hookInput = z.discriminatedUnion("preset", [
  withPreset("standard", noSettings),
  withPreset("github", noSettings),
  withPreset("stripe", noSettings),
  withPreset("slack", noSettings),
  withPreset("hmac", hmacSettings),
  withPreset("api_key", apiKeySettings),
]);

/** The body of POST /hooks/:source/rotate. */
export const rotationInput = z.strictObject({
  secret: secret.optional(),
  overlap_seconds: z.int().min(0).max(MAX_OVERLAP_SECONDS).default(DEFAULT_OVERLAP_SECONDS),
}).prefault({});
