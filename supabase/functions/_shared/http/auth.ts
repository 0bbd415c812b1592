// Who may call a function: holders of a service key of this project, and, where a function asks for
// them, people who are signed in and have a role. The same check in every environment; it is the whole
// protection, since the gateway's own JWT check cannot read the new secret keys and is off
// (verify_jwt = false).
import { extractCredentials, resolveEnv } from "@supabase/server/core";
import { OrchestratorError } from "../contract/errors.ts";
import { getEnv } from "../platform.ts";
import { noteSecrets } from "../redact.ts";
import { isEqualInConstantTime } from "./constant_time.ts";
import { createKeySource } from "./jwks.ts";
import {
  checkAudience,
  type Claims,
  decodeJwt,
  isJwt,
  refuseCredentials,
  verifyJwt,
} from "./jwt.ts";
import type { OperatorCaller, UserCaller } from "./user_auth.ts";

/** A caller whose key was accepted. `keyName` is the secret key's name, such as "default". */
export interface ServiceCaller {
  kind: "service";
  via: "secret_key" | "service_key" | "service_jwt" | "agent_token";
  keyName: string | null;
  /** Of an agent token: the digest of the one query and body that it was issued for. */
  requestDigest?: string;
}

/** Who has rights here. */
export type Caller = ServiceCaller | OperatorCaller;

/** Everybody who may be let in somewhere. */
export type KnownCaller = Caller | UserCaller;

/** Resolves to the caller, or throws OrchestratorError `unauthorized` or `forbidden`. */
export type Authenticate<Known extends KnownCaller = KnownCaller> = (
  request: Request,
) => Promise<Known>;

export interface ServiceKeys {
  /** Named sb_secret_ keys. */
  secretKeys: Record<string, string>;
  /** The legacy service_role JWT and the founding document's EDGE_SERVICE_JWT, where set. */
  serviceKeys: string[];
  jwks: { keys: unknown } | URL | null;
}

interface AcceptedKey {
  key: string;
  caller: ServiceCaller;
  /** Seconds since 1970; a configured JWT ends like any other. */
  expiresAt: number | null;
}

const REALM = "apikey: <secret key>, or Authorization: Bearer <service key>";

let authenticate: Authenticate<ServiceCaller> | null = null;

/** Checks a request against the keys that the platform gives this function. */
export function authenticateService(request: Request): Promise<ServiceCaller> {
  authenticate ??= createServiceAuth(readServiceKeys());
  return authenticate(request);
}

/** Reads the accepted keys from the environment; blank ones count as unset. */
export function readServiceKeys(): ServiceKeys {
  const { data, error } = resolveEnv();
  if (error !== null) {
    throw new OrchestratorError(
      "internal",
      `reading service keys: ${error.message}`,
    );
  }
  const serviceKeys = [
    getEnv("SUPABASE_SERVICE_ROLE_KEY"),
    getEnv("EDGE_SERVICE_JWT"),
  ];
  noteSecrets([...Object.values(data.secretKeys), ...serviceKeys]);
  return {
    secretKeys: data.secretKeys,
    serviceKeys: serviceKeys.filter((key) => key !== undefined),
    jwks: data.jwks,
  };
}

/** Accepts service keys alone. */
export function createServiceAuth(
  keys: ServiceKeys,
  now: () => number = Date.now,
): Authenticate<ServiceCaller> {
  return createAuth(keys, () => {
    throw new OrchestratorError(
      "forbidden",
      "authenticating: a user's token has no rights here",
    );
  }, now);
}

/**
 * Accepts, in `apikey` or as Bearer: a secret key, a configured service key, or (Bearer only) a JWT that
 * the project's signing keys verify, of the service_role or of a user that `identifyUser` takes. The
 * library's own `secret` mode is not used because it stops at the first match and reads the `apikey`
 * header only.
 */
export function createAuth<User extends KnownCaller = never>(
  keys: ServiceKeys,
  identifyUser: (claims: Claims) => Promise<User>,
  now: () => number = Date.now,
): Authenticate<ServiceCaller | User> {
  const accepted = listAccepted(keys);
  const findSigningKeys = createKeySource(keys.jwks, now);
  return async (request) => {
    const { apikey, token } = extractCredentials(request);
    const presented = [apikey ?? "", token ?? ""].filter((key) => key !== "");
    if (presented.length === 0) {
      refuseCredentials(`the request has no service key; send ${REALM}`);
    }
    let found: AcceptedKey | null = null;
    for (const key of presented) {
      const match = matchKey(key, accepted);
      found ??= match;
    }
    if (found !== null) {
      if (found.expiresAt !== null && found.expiresAt * 1_000 <= now()) {
        refuseCredentials("the service key has expired");
      }
      return found.caller;
    }
    if (token === null || !isJwt(token)) {
      refuseCredentials("the request's key is not a service key of this project");
    }
    const claims = await verifyJwt(token, findSigningKeys);
    checkAudience(claims);
    if (claims.role === "service_role") {
      return { kind: "service", via: "service_jwt", keyName: null };
    }
    if (claims.role === "authenticated") return await identifyUser(claims);
    refuseCredentials("the request's token is not a service token");
  };
}

function listAccepted(keys: ServiceKeys): AcceptedKey[] {
  const entries: [string, ServiceCaller][] = [
    ...Object.entries(keys.secretKeys).map((
      [keyName, key],
    ): [string, ServiceCaller] => [
      key,
      { kind: "service", via: "secret_key", keyName },
    ]),
    ...keys.serviceKeys.map((key): [string, ServiceCaller] => [
      key,
      { kind: "service", via: "service_key", keyName: null },
    ]),
  ];
  return entries
    .filter(([key]) => typeof key === "string" && key.trim() !== "")
    .map(([key, caller]) => ({ key, caller, expiresAt: readExpiry(key) }));
}

/** Looks at every accepted key whatever it finds, so that the time tells nothing about the keys. */
function matchKey(presented: string, accepted: AcceptedKey[]): AcceptedKey | null {
  let found: AcceptedKey | null = null;
  for (const candidate of accepted) {
    const isEqual = isEqualInConstantTime(presented, candidate.key);
    found = isEqual ? found ?? candidate : found;
  }
  return found;
}

function readExpiry(key: string): number | null {
  const expiry = isJwt(key) ? decodeJwt(key)?.payload.exp : undefined;
  return typeof expiry === "number" ? expiry : null;
}
