// One POST to a destination: guarded, timed over everything, and with no more of the answer read than is
// ever looked at. Never throws.
import { describeError } from "../worker/call.ts";
import type { DestinationKind } from "../contract/notifications.ts";
import { postToAddress } from "./post_to_address.ts";
import { findAddresses, findTargetFault, type Resolve, type TargetPolicy } from "./target.ts";

export const POST_TIMEOUT_MS = 15_000;
const ANSWER_MAX_BYTES = 65_536;

export interface OutboundPost {
  url: string;
  kind: DestinationKind;
  headers: Record<string, string>;
  body: string;
}

export interface PostDeps {
  policy: TargetPolicy;
  resolve: Resolve;
  timeoutMs?: number;
  /** Authorities besides those of the runtime. */
  caCerts?: string[];
}

export type PostOutcome =
  | { kind: "answered"; status: number; retryAfter: string | null; text: string }
  | { kind: "timeout"; timeoutMs: number }
  | { kind: "network"; message: string }
  /** Where it leads, nothing may be sent. */
  | { kind: "refused"; message: string };

export async function postMessage(
  { url: text, kind, headers, body }: OutboundPost,
  { policy, resolve, timeoutMs = POST_TIMEOUT_MS, caCerts }: PostDeps,
): Promise<PostOutcome> {
  // The list of allowed hosts may have changed since the destination was saved.
  const fault = findTargetFault(text, kind, policy);
  if (fault !== null) return { kind: "refused", message: `url ${fault}` };
  const url = new URL(text);
  const timeout = new AbortController();
  const isLate = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    timeout.abort();
    isLate.reject(timeout.signal.reason);
  }, timeoutMs);
  const send = async (): Promise<PostOutcome> => {
    const found = await findAddresses(url, policy, resolve);
    if ("fault" in found) return { kind: "refused", message: found.fault };
    const { status, headers: answered, text } = await postToAddress({
      url,
      addresses: found.addresses,
      headers: {
        "content-type": "application/json",
        "user-agent": "wisely-orchestrator",
        ...headers,
      },
      body,
      maxBytes: ANSWER_MAX_BYTES,
      signal: timeout.signal,
      caCerts,
    });
    return { kind: "answered", status, retryAfter: answered.get("retry-after"), text };
  };
  try {
    // Raced, because a look-up cannot be aborted.
    return await Promise.race([send(), isLate.promise]);
  } catch (error) {
    if (timeout.signal.aborted) return { kind: "timeout", timeoutMs };
    return { kind: "network", message: describeError(error) };
  } finally {
    clearTimeout(timer);
    timeout.abort();
  }
}
