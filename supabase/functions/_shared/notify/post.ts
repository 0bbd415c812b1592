// One POST to a destination: guarded, timed over everything, and with no more of the answer read than is
// ever looked at. Never throws.
import { describeError, readCapped } from "../worker/call.ts";
import type { DestinationKind } from "../contract/notifications.ts";
import { findAddressFault, findTargetFault, type Resolve, type TargetPolicy } from "./target.ts";

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
}

export type PostOutcome =
  | { kind: "answered"; status: number; retryAfter: string | null; text: string }
  | { kind: "timeout"; timeoutMs: number }
  | { kind: "network"; message: string }
  /** Where it leads, nothing may be sent. */
  | { kind: "refused"; message: string };

export async function postMessage(
  { url: text, kind, headers, body }: OutboundPost,
  { policy, resolve, timeoutMs = POST_TIMEOUT_MS }: PostDeps,
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
    const closed = await findAddressFault(url, policy, resolve);
    if (closed !== null) return { kind: "refused", message: closed };
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "user-agent": "wisely-orchestrator",
        ...headers,
      },
      body,
      redirect: "manual",
      signal: timeout.signal,
    });
    const answer = await readCapped(response, ANSWER_MAX_BYTES);
    return {
      kind: "answered",
      status: response.status,
      retryAfter: response.headers.get("retry-after"),
      text: answer.text,
    };
  };
  try {
    // Raced, because a look-up cannot be aborted.
    return await Promise.race([send(), isLate.promise]);
  } catch (error) {
    if (timeout.signal.aborted) return { kind: "timeout", timeoutMs };
    return { kind: "network", message: describeError(error) };
  } finally {
    clearTimeout(timer);
    // Ends the connection of an answer that was not read to its end.
    timeout.abort();
  }
}
