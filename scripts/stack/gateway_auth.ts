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
  const apiKey = request.headers.get("apikey") ?? url.searchParams.get("apikey");
  if (!apiKey) {
    return refuse({
      message: "No API key found in request",
      hint: "No `apikey` request header or url param was found.",
    });
  }
  const key = await identifyKey(apiKey, ring);
  if (key === undefined) {
    return refuse({
      message: "Invalid API key",
      hint: "Double check your Supabase `anon` or `service_role` API key.",
    });
  }
  const token = readBearer(request);
  if (token === undefined || token === apiKey) return key;
  try {
    return toCaller(await ring.verifyJwt(token));
  } catch (error) {
    if (!(error instanceof InvalidTokenError)) throw error;
    const code = error.message === "JWT expired" ? "PGRST303" : "PGRST301";
    return refuse({ code, details: null, hint: null, message: error.message });
  }
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

function readBearer(request: Request): string | undefined {
  return request.headers.get("authorization")?.match(/^Bearer\s+(\S+)$/i)?.[1];
}

function refuse(body: Record<string, unknown>): Response {
  return Response.json(body, { status: 401 });
}
