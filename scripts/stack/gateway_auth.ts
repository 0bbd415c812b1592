// Decides who an API caller is, by the rules of the hosted gateway: an API key in `apikey`, and in
// `Authorization` either the same key again or a token of a user or role.
import { type Claims, InvalidTokenError, type KeyRing, type Role } from "./keys.ts";
import type { Caller } from "./role_pool.ts";

const ROLES: readonly unknown[] = ["anon", "authenticated", "service_role"];

/** Returns the caller, or the response that refuses the request. */
export async function identifyCaller(
  request: Request,
  url: URL,
  ring: KeyRing,
): Promise<Caller | Response> {
  const key = await identifyApiKey(request, url, ring);
  if (key instanceof Response) return key;
  const token = readBearer(request);
  if (token === undefined || token === readApiKey(request, url)) return key;
  try {
    return toCaller(await ring.verifyJwt(token));
  } catch (error) {
    if (!(error instanceof InvalidTokenError)) throw error;
    const code = error.message === "JWT expired" ? "PGRST303" : "PGRST301";
    return refuse({ code, details: null, hint: null, message: error.message });
  }
}

/** Returns who the API key alone makes the caller, or the refusal; Auth reads tokens itself. */
export async function identifyApiKey(
  request: Request,
  url: URL,
  ring: KeyRing,
): Promise<Caller | Response> {
  const apiKey = readApiKey(request, url);
  if (!apiKey) {
    return refuse({
      message: "No API key found in request",
      hint: "No `apikey` request header or url param was found.",
    });
  }
  return await identifyKey(apiKey, ring) ?? refuse({
    message: "Invalid API key",
    hint: "Double check your Supabase `anon` or `service_role` API key.",
  });
}

/** Checks the token of a function with `verify_jwt = true`; returns the refusal, if any. */
export async function checkFunctionJwt(
  request: Request,
  ring: KeyRing,
): Promise<Response | undefined> {
  const token = readBearer(request);
  if (token === undefined) {
    return refuse({ code: "UNAUTHORIZED_NO_AUTH_HEADER", message: "Missing authorization header" });
  }
  try {
    await ring.verifyJwt(token);
    return undefined;
  } catch (error) {
    if (!(error instanceof InvalidTokenError)) throw error;
    return refuse({ code: "UNAUTHORIZED_INVALID_JWT_FORMAT", message: "Invalid JWT" });
  }
}

function readApiKey(request: Request, url: URL): string | null {
  return request.headers.get("apikey") ?? url.searchParams.get("apikey");
}

async function identifyKey(apiKey: string, ring: KeyRing): Promise<Caller | undefined> {
  if (apiKey === ring.keys.secret) return makeCaller("service_role");
  if (apiKey === ring.keys.publishable) return makeCaller("anon");
  try {
    return toCaller(await ring.verifyJwt(apiKey));
  } catch (error) {
    if (error instanceof InvalidTokenError) return undefined;
    throw error;
  }
}

function toCaller(claims: Claims): Caller {
  const role = claims.role ?? "anon";
  if (!ROLES.includes(role)) throw new InvalidTokenError(`role "${role}" does not exist`);
  return { role: role as Role, claims };
}

function makeCaller(role: Role): Caller {
  return { role, claims: { role } };
}

/** The token of the header `Authorization`. */
export function readBearer(request: Request): string | undefined {
  return request.headers.get("authorization")?.match(/^Bearer\s+(\S+)$/i)?.[1];
}

function refuse(body: Record<string, unknown>): Response {
  return Response.json(body, { status: 401 });
}
