// Pages of other origins: those that are listed may read the answers, nobody else. Never `*`, and no
// cookies: a page sends its own credentials in headers.

/** The origins that are listed, as browsers send them: `https://admin.example.com`. */
export type FindOrigins = () => Promise<readonly string[]>;

const ALLOWED_METHODS = "GET, POST, PUT, DELETE";
const ALLOWED_HEADERS = "authorization, apikey, content-type, last-event-id, x-request-id";
/** What a page may read besides the body. */
const EXPOSED_HEADERS = "x-request-id, retry-after";
/** How long a browser need not ask again. */
const MAX_AGE_SECONDS = "600";

/** The origin of a request, if it is listed. */
export async function findListedOrigin(
  request: Request,
  findOrigins: FindOrigins,
): Promise<string | null> {
  const origin = request.headers.get("origin");
  if (origin === null) return null;
  return (await findOrigins()).includes(origin) ? origin : null;
}

/** The method that a preflight asks about; null if the request is none. */
export function readPreflight(request: Request): string | null {
  return request.method === "OPTIONS" ? request.headers.get("access-control-request-method") : null;
}

export function answerPreflight(): Response {
  return new Response(null, {
    status: 204,
    headers: {
      "Access-Control-Allow-Methods": ALLOWED_METHODS,
      "Access-Control-Allow-Headers": ALLOWED_HEADERS,
      "Access-Control-Max-Age": MAX_AGE_SECONDS,
    },
  });
}

/** For every answer, of an error too; a cache must not give one origin's answer to another. */
export function listCorsHeaders(origin: string | null): [name: string, value: string][] {
  if (origin === null) return [["Vary", "Origin"]];
  return [
    ["Vary", "Origin"],
    ["Access-Control-Allow-Origin", origin],
    ["Access-Control-Expose-Headers", EXPOSED_HEADERS],
  ];
}
