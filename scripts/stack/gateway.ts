// The one port that callers see: sends each request to the part of the stack that answers it.
import type { AuthApi } from "./auth_api.ts";
import type { DataApi } from "./data_api.ts";
import type { FunctionHost } from "./functions.ts";
import { checkFunctionJwt, identifyApiKey, identifyCaller } from "./gateway_auth.ts";
import type { KeyRing } from "./keys.ts";
import type { RealtimeApi } from "./realtime_api.ts";
import type { StaticSite } from "./static_site.ts";
import type { StorageApi } from "./storage_api.ts";

export interface GatewayParts {
  keyRing: KeyRing;
  authApi: AuthApi;
  dataApi: DataApi;
  storageApi: StorageApi;
  realtimeApi: RealtimeApi;
  functions: FunctionHost;
  sites: StaticSite[];
}

export interface Gateway {
  port: number;
  /** Serves from now on; requests that came earlier have waited. */
  open(parts: GatewayParts): void;
  stop(): Promise<void>;
}

const GRACE_MS = 300;

const CORS = {
  "access-control-allow-origin": "*",
  "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
  "access-control-allow-headers":
    "authorization, apikey, content-type, content-profile, accept-profile, prefer, range, " +
    "x-client-info, x-upsert, x-retry-count, x-supabase-api-version, cache-control",
  "access-control-expose-headers":
    "content-range, content-location, etag, link, x-total-count, x-supabase-api-version",
};

/** Takes the port at once, so that a taken one is known before anything else is started. */
export function listenGateway(port: number): Gateway {
  let open: (parts: GatewayParts) => void = () => {};
  let parts: GatewayParts | undefined;
  let stopping: Promise<void> | undefined;
  const opened = new Promise<GatewayParts>((resolve) => open = resolve);
  const closing = new AbortController();
  let answering = 0;
  let server: Deno.HttpServer<Deno.NetAddr>;
  try {
    server = Deno.serve(
      { hostname: "127.0.0.1", port, signal: closing.signal, onListen: () => {} },
      async (request, { completed, remoteAddr }) => {
        answering++;
        completed.catch(() => {}).finally(() => answering--);
        return route(request, parts ?? (parts = await opened), remoteAddr.hostname);
      },
    );
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    throw new Error(
      `cannot listen on port ${port}: another program uses it; stop that program, or choose ` +
        "another port with --port",
    );
  }
  return {
    port: server.addr.port,
    open,
    stop: () =>
      stopping ??= (async () => {
        // Whoever is being answered gets a moment, and no more. Not server.shutdown(): it waits for ever,
        // and aborting it afterwards is an error that nobody can catch.
        for (const until = Date.now() + GRACE_MS; answering > 0 && Date.now() < until;) {
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        closing.abort();
        await server.finished;
      })(),
  };
}

async function route(
  request: Request,
  parts: GatewayParts,
  clientAddress: string,
): Promise<Response> {
  const url = new URL(request.url);
  const path = url.pathname;
  if (path.startsWith("/functions/v1/")) {
    return await callFunction(request, url, parts, clientAddress);
  }
  const site = parts.sites.find((it) => it.owns(path));
  if (site !== undefined) return await site.handle(request, url);
  if (request.method === "OPTIONS") return new Response(null, { status: 204, headers: CORS });
  const response = await answer(request, url, path, parts);
  for (const [name, value] of Object.entries(CORS)) response.headers.set(name, value);
  return response;
}

async function answer(
  request: Request,
  url: URL,
  path: string,
  parts: GatewayParts,
): Promise<Response> {
  if (path === "/auth/v1/.well-known/jwks.json" || path === "/auth/v1/jwks") {
    return Response.json(parts.keyRing.jwks);
  }
  if (path.startsWith("/auth/v1/")) {
    const caller = await identifyApiKey(request, url, parts.keyRing);
    if (caller instanceof Response) return caller;
    return await parts.authApi.handle(request, url, caller, path.slice("/auth/v1/".length));
  }
  if (path.startsWith("/realtime/v1/")) {
    const caller = await identifyCaller(request, url, parts.keyRing);
    if (caller instanceof Response) return caller;
    return await parts.realtimeApi.handle(request, caller, path.slice("/realtime/v1/".length));
  }
  const isData = path.startsWith("/rest/v1/");
  if (!isData && !path.startsWith("/storage/v1/")) {
    return Response.json({ message: "no Route matched with those values" }, { status: 404 });
  }
  const caller = await identifyCaller(request, url, parts.keyRing);
  if (caller instanceof Response) return caller;
  if (isData) return await parts.dataApi.handle(request, caller, path.slice("/rest/v1/".length));
  return await parts.storageApi.handle(request, caller, path.slice("/storage/v1/".length));
}

async function callFunction(
  request: Request,
  url: URL,
  parts: GatewayParts,
  clientAddress: string,
): Promise<Response> {
  const path = url.pathname.slice("/functions/v1".length);
  const name = path.split("/")[1];
  const config = await parts.functions.find(name);
  if (config === undefined) {
    return Response.json({ code: "NOT_FOUND", message: "Requested function was not found" }, {
      status: 404,
      headers: { "sb-error-code": "NOT_FOUND", ...CORS },
    });
  }
  if (config.verifyJwt && request.method !== "OPTIONS") {
    const refusal = await checkFunctionJwt(request, parts.keyRing);
    if (refusal !== undefined) return refusal;
  }
  return await parts.functions.forward(request, config, `${path}${url.search}`, clientAddress);
}
