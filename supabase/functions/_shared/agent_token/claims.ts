// What a token says that an agent gets in place of the service key: who called (iss), whom (aud, htm),
// with what (req), for which step (sub) and under which idempotency key (jti), and until when (exp).
// It is signed for one call and opens nothing else.
import type { Claims } from "../http/jwt.ts";

/** Where the orchestrator's public keys are, below its issuer. */
export const KEYS_PATH = "/.well-known/jwks.json";

/** What a token outlives its call by: clocks differ. */
const LEEWAY_MS = 30_000;
/** No token lives longer, whatever the call's timeout. */
const MAX_LIFE_MS = 180_000;

/** The call that a token is for. */
export interface TokenCall {
  method: string;
  /** As it is called, with its query. */
  url: URL;
  /** The body's text as it is sent; empty for none. */
  body: string;
  timeoutMs: number;
  /** Run and step, such as `<run>/<step>`. */
  subject: string;
  idempotencyKey: string;
}

/** The orchestrator of a project, by the URL under which its functions are reached. */
export function nameIssuer(baseUrl: string): string {
  return `${URL.parse(baseUrl)?.origin ?? baseUrl}/functions/v1/orchestrator`;
}

/**
 * The agent that a token is for: the path of a function, such as `/functions/v1/ai-seed-plan`, whatever
 * name the project is called by; of an agent elsewhere the URL without its query.
 */
export function nameAudience(url: URL, baseUrl: string): string {
  const path = joinPath(url.pathname);
  return url.origin === URL.parse(baseUrl)?.origin ? path : url.origin + path;
}

/** A path without doubled slashes and without one at its end, as functions see it. */
export function joinPath(pathname: string): string {
  return `/${pathname.split("/").filter((part) => part !== "").join("/")}`;
}

export async function buildClaims(
  call: TokenCall,
  { baseUrl, nowMs }: { baseUrl: string; nowMs: number },
): Promise<Claims> {
  const issuedAt = Math.floor(nowMs / 1_000);
  const lifeMs = Math.min(call.timeoutMs + LEEWAY_MS, MAX_LIFE_MS);
  return {
    iss: nameIssuer(baseUrl),
    aud: nameAudience(call.url, baseUrl),
    sub: call.subject,
    jti: call.idempotencyKey,
    htm: call.method,
    req: await digestRequest(call.url, call.body),
    iat: issuedAt,
    exp: issuedAt + Math.ceil(lifeMs / 1_000),
  };
}

/**
 * SHA-256, in base64url, of the query and the body: `JSON of the sorted [name, value] pairs`, a line
 * feed, and the body. Of the query as it is read, because proxies may escape it in another way.
 */
export async function digestRequest(url: URL, body: string): Promise<string> {
  const pairs = [...url.searchParams].map((pair) => JSON.stringify(pair)).sort();
  const text = `[${pairs.join(",")}]\n${body}`;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return btoa(String.fromCharCode(...new Uint8Array(digest)))
    .replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
