// Where a request comes from, as far as that can be believed. A header proves nothing by itself: what
// counts is that the proxy in front sets it anew, whatever the caller has sent.
import { z } from "zod";
import { getEnv } from "../platform.ts";

/**
 * Set by Cloudflare, which stands in front of every hosted project. Not `x-forwarded-for`: there it
 * begins with what the caller has written.
 */
const DEFAULT_HEADER = "cf-connecting-ip";

const ADDRESS = z.union([z.ipv4(), z.ipv6()]);
const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/**
 * The address that the proxy in front has seen, or null if it names none. Of a list the last entry: the
 * one that the nearest proxy has added. No second header is tried where the first one is missing, for a
 * caller could have written that.
 */
export function readClientAddress(
  headers: Headers,
  name: string = getEnv("CLIENT_ADDRESS_HEADER") ?? DEFAULT_HEADER,
): string | null {
  const last = headers.get(name)?.split(",").at(-1)?.trim() ?? "";
  const address = MAPPED_IPV4.exec(last)?.[1] ?? last;
  return ADDRESS.safeParse(address).success ? address : null;
}
