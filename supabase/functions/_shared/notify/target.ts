// Where a notification may be sent: the guard against URLs that lead into somebody's own network. Pure
// but for the look-up of names, which is given.
import { isAddress, isPublicAddress } from "./address.ts";
import type { DestinationKind } from "../contract/notifications.ts";

export interface TargetPolicy {
  /** Hosts as `host` or `host:port` that are taken as they are, also by http:// and with private addresses. */
  readonly allowedWebhookHosts: readonly string[];
}

/** All addresses of a name; throws if there are none. */
export type Resolve = (host: string) => Promise<string[]>;

/** Names that stand for machines nearby (RFC 6761, RFC 6762, and what clouds and routers use). */
const NEAR_NAMES = /(^|\.)(localhost|local|internal|intranet|lan|home|home\.arpa|corp)$/;

/** Two labels or more; a URL may have hosts with other signs, of which resolvers make what they like. */
const PUBLIC_NAME = /^[a-z\d_-]+(\.[a-z\d_-]+)+$/;

const SLACK_HOST = "hooks.slack.com";

/** What is wrong with a destination's URL, as the end of a sentence that begins with `url`; null: nothing. */
export function findTargetFault(
  text: string,
  kind: DestinationKind,
  { allowedWebhookHosts }: TargetPolicy,
): string | null {
  const url = URL.parse(text);
  if (url === null || !["http:", "https:"].includes(url.protocol)) return "must be an https:// URL";
  if (url.username !== "" || url.password !== "") return "must not contain credentials";
  if (url.hash !== "") return "must not have a fragment: it is never sent";
  if (allowedWebhookHosts.includes(url.host)) return null;
  if (url.protocol !== "https:") return "must begin with https://";
  if (kind === "slack") {
    return url.host === SLACK_HOST ? null : `must begin with https://${SLACK_HOST}/`;
  }
  if (!["", "8443"].includes(url.port)) return `must have the port 443 or 8443, got ${url.port}`;
  const host = url.hostname.replace(/\.$/, "");
  if (isAddress(host)) {
    return isPublicAddress(host) ? null : `must not lead to ${host}, which is not a public address`;
  }
  if (!PUBLIC_NAME.test(host) || NEAR_NAMES.test(host)) {
    return `must not lead to ${host}, which is not a public name`;
  }
  return null;
}

/**
 * The addresses to which a request may go whose URL passed the check above, or why it must not be sent
 * now: one of them is not public. Whoever sends it connects to these, and does not look the name up again.
 * What the name of an allowed host leads to is the operator's matter.
 */
export async function findAddresses(
  url: URL,
  { allowedWebhookHosts }: TargetPolicy,
  resolve: Resolve,
): Promise<{ addresses: string[] } | { fault: string }> {
  const host = url.hostname.replace(/\.$/, "");
  const addresses = isAddress(host) ? [host.replace(/^\[|\]$/g, "")] : await resolve(host);
  const closed = allowedWebhookHosts.includes(url.host)
    ? undefined
    : addresses.find((address) => !isPublicAddress(address));
  return closed === undefined
    ? { addresses }
    : { fault: `${host} leads to ${closed}, which is not a public address` };
}
