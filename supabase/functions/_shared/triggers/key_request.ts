// What somebody asks for who wants a trigger key, with its defaults and limits: for the route and for the
// command line.
import { z } from "zod";
import { formatDuration, MAX_DURATION_MS, parseDuration } from "../contract/duration.ts";
import { NAME_PATTERN } from "../contract/workflow_file.ts";
import type { Actions } from "../database/actions.ts";
import { text } from "../database/storable_text.ts";
import type { TriggerKey } from "./key.ts";

const DEFAULT_LIFE = "90d";
const DEFAULT_RATE_PER_MINUTE = 60;
const MAX_RATE_PER_MINUTE = 60_000;

const workflowKey = z.string().refine((key) => key === "*" || NAME_PATTERN.test(key), {
  message: "must be a workflow's key, or * for all public workflows",
});

const network = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], {
  error: "must be an address or a network such as 203.0.113.0/24",
});

const life = z.string().transform((value, context) => {
  const ms = parseDuration(value);
  if (ms !== null && ms > 0 && ms <= MAX_DURATION_MS) return ms;
  const longest = formatDuration(MAX_DURATION_MS);
  context.addIssue({ code: "custom", message: `must be a duration up to ${longest}, such as 90d` });
  return z.NEVER;
});

export const keyRequest = z.strictObject({
  name: text(200),
  workflow_keys: z.array(workflowKey).min(1).max(100),
  user_id: text(200),
  may_name_user: z.boolean().default(false),
  rate_per_minute: z.int().min(1).max(MAX_RATE_PER_MINUTE).default(DEFAULT_RATE_PER_MINUTE),
  networks: z.array(network).min(1).max(100).nullable().default(null),
  expires_in: life.prefault(DEFAULT_LIFE),
}).meta({ id: "TriggerKeyRequest" });

export type KeyRequest = z.output<typeof keyRequest>;

/** The arguments of the action `key.make`; the key itself is not among them. */
export function describeKey(
  { expires_in, ...request }: KeyRequest,
  { keyId, hash }: TriggerKey,
): Actions["key.make"]["args"] {
  return { ...request, key_id: keyId, hash, expires_in_ms: expires_in };
}
