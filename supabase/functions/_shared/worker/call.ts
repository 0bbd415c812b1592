// One HTTP request to an agent, with the timeout over headers and body, and no more of the answer
// read than may be kept. Serves stage 5, step call; never throws.
import { hideSecrets } from "../redact.ts";
import { chooseCredentials, type Credentials, type CredentialSource } from "./credentials.ts";
import { resolveAgentUrl } from "./resolve_url.ts";
import type { AgentOrigin } from "./resolve_url.ts";

/** Who calls: where agents live and what proves to them that it is the orchestrator. */
export interface CallerIdentity extends AgentOrigin, CredentialSource {
  outputMaxBytes: number;
}

export interface AgentCall {
  /** A path of this project or an absolute https:// URL. */
  call: string;
  method: string;
  timeoutMs: number;
  headers?: Record<string, string>;
  /** Appended to the URL; null members are left out. */
  query?: Record<string, string | null>;
  /** Sent as JSON; undefined sends no body. */
  body?: unknown;
  /** The step that calls, for a token: `<run>/<step>`. */
  subject?: string;
}

/** What came of a call. `received` means a whole answer, or all of it that may be kept. */
export type CallOutcome =
  & { durationMs: number }
  & (
    | {
      kind: "received";
      status: number;
      retryAfter: string | null;
      location: string | null;
      text: string;
      bytes: number;
      isCut: boolean;
    }
    | { kind: "timeout"; timeoutMs: number }
    | { kind: "network"; message: string }
    | { kind: "aborted" }
    | { kind: "refused"; message: string }
  );

/** Calls an agent once. `signal` aborts the request, as when its lease was lost. */
export async function callAgent(
  call: AgentCall,
  identity: CallerIdentity,
  signal?: AbortSignal,
): Promise<CallOutcome> {
  const startedAt = performance.now();
  const spend = () => Math.round(performance.now() - startedAt);
  const resolved = resolveAgentUrl(call.call, identity);
  if ("refusal" in resolved) {
    return { kind: "refused", message: resolved.refusal, durationMs: spend() };
  }
  const url = addQuery(resolved.url, call.query);
  const body = call.body === undefined ? undefined : JSON.stringify(call.body);
  let credentials: Credentials | null;
  try {
    credentials = await chooseCredentials(call, { url, isOwn: resolved.isOwn, body }, identity);
  } catch (error) {
    // Without a token there is no call: the service key is no substitute for one.
    return {
      kind: "refused",
      message: `signing an agent token: ${describeError(error)}`,
      durationMs: spend(),
    };
  }
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), call.timeoutMs);
  const abort = () => timeout.abort();
  signal?.addEventListener("abort", abort, { once: true });
  if (signal?.aborted) abort();
  let isRead = false;
  try {
    const response = await fetch(url, {
      method: call.method,
      headers: buildHeaders(call, credentials),
      body,
      redirect: "manual",
      signal: timeout.signal,
    });
    const answer = await readCapped(response, identity.outputMaxBytes);
    isRead = !answer.isCut;
    const location = response.headers.get("location");
    // Keys of the project are known; a token was made for this call.
    const sent = credentials === null || credentials.apikey !== undefined
      ? []
      : [credentials.bearer];
    return {
      kind: "received",
      status: response.status,
      retryAfter: response.headers.get("retry-after"),
      // An agent that tells what it was called with must not bring our keys into tables and messages.
      location: location === null ? null : hideSecrets(location, sent),
      ...answer,
      text: hideSecrets(answer.text, sent),
      durationMs: spend(),
    };
  } catch (error) {
    const durationMs = spend();
    if (signal?.aborted) return { kind: "aborted", durationMs };
    if (timeout.signal.aborted) {
      return { kind: "timeout", timeoutMs: call.timeoutMs, durationMs };
    }
    return { kind: "network", message: describeError(error), durationMs };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
    // Ends the connection of an answer that was not read to its end.
    if (!isRead) timeout.abort();
  }
}

/** The URL as it is called; null members are left out. */
export function addQuery(url: URL, query: AgentCall["query"]): URL {
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== null) url.searchParams.set(name, value);
  }
  return url;
}

/**
 * The headers of a call, with its credentials if it gets any. A plain object, because
 * fetch takes a Headers object apart again: with that, a third of all that a worker allocated for a step
 * went into its headers.
 */
export function buildHeaders(
  call: AgentCall,
  credentials: Credentials | null,
): Record<string, string> {
  const headers: [string, string][] = [["accept", "application/json"]];
  if (call.body !== undefined) headers.push(["content-type", "application/json"]);
  for (const [name, value] of Object.entries(call.headers ?? {})) {
    headers.push([name.toLowerCase(), value]);
  }
  if (credentials !== null) headers.push(["authorization", `Bearer ${credentials.bearer}`]);
  if (credentials?.apikey !== undefined) headers.push(["apikey", credentials.apikey]);
  // The last of a name counts.
  return Object.fromEntries(headers);
}

/** The text of an answer, up to so many bytes of it. */
export async function readCapped(
  response: Response,
  maxBytes: number,
): Promise<{ text: string; bytes: number; isCut: boolean }> {
  const length = readLength(response.headers);
  // Of an answer that says how short it is no more can come, and it is read at once, without a stream.
  if (length !== null && length <= maxBytes) {
    return { text: await response.text(), bytes: length, isCut: false };
  }
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  if (response.body === null) return { text, bytes, isCut: false };
  const reader = response.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const room = maxBytes - bytes;
    bytes += part.value.byteLength;
    text += decoder.decode(part.value.subarray(0, room), { stream: true });
    if (bytes > maxBytes) {
      reader.cancel().catch(() => {});
      return { text, bytes, isCut: true };
    }
  }
  return { text: text + decoder.decode(), bytes, isCut: false };
}

/** Null where it is not told, or is that of a compressed body. */
function readLength(headers: Headers): number | null {
  const length = headers.get("content-length");
  if (length === null || !/^\d+$/.test(length) || headers.has("content-encoding")) return null;
  return Number(length);
}

/** The whole chain of causes: fetch hides the reason of a failed connection in `cause`. */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  for (let it: unknown = error; it instanceof Error && parts.length < 4; it = it.cause) {
    // Deno puts the URL into its message, and GET calls have the user's ids in theirs.
    parts.push(it.message.replace(/ ?\(https?:\/\/[^)]*\)/g, ""));
  }
  return parts.length > 0 ? [...new Set(parts)].join(": ") : String(error);
}
