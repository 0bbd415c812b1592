// The check of agent tokens at the agent: the orchestrator of this project signed them, for this agent,
// for this call, and they have not ended. Who presents none is left to the check of service keys.
import type { Authenticate, ServiceCaller } from "../http/auth.ts";
import { isEqualInConstantTime } from "../http/constant_time.ts";
import { createKeySource, type KeySource } from "../http/jwks.ts";
import { type Claims, decodeJwt, isJwt, refuseCredentials, verifyJwt } from "../http/jwt.ts";
import { stripFunctionName } from "../http/router.ts";
import { digestRequest, joinPath, KEYS_PATH, nameIssuer } from "./claims.ts";

export interface TokenAuthOptions {
  /** The function in which the agent is. */
  functionName: string;
  /** Under which the project's functions are reached, as the orchestrator knows it. */
  baseUrl: string;
  /** Checks whoever presents no agent token. */
  authenticateOther: Authenticate;
  /** The orchestrator's public keys; fetched from it unless told otherwise. */
  findKeys?: KeySource;
}

/** Makes the check; throws `unauthorized`, or `unavailable` while the public keys cannot be fetched. */
export function createTokenAuth(options: TokenAuthOptions): Authenticate {
  const { functionName, baseUrl, authenticateOther } = options;
  const issuer = nameIssuer(baseUrl);
  const findKeys = options.findKeys ?? createKeySource(new URL(issuer + KEYS_PATH));
  return async (request) => {
    const token = readToken(request, issuer);
    if (token === null) return await authenticateOther(request);
    const claims = await verifyJwt(token, findKeys, ["EdDSA"]);
    checkClaims(claims, request, functionName);
    const caller: ServiceCaller = {
      kind: "service",
      via: "agent_token",
      keyName: null,
      requestDigest: String(claims.req),
    };
    return caller;
  };
}

/** Holds what was sent against what the token was signed for; throws `unauthorized` if it is not that. */
export async function checkRequestDigest(
  { requestDigest }: Pick<ServiceCaller, "requestDigest">,
  url: URL,
  body: string,
): Promise<void> {
  if (requestDigest === undefined) return;
  if (isEqualInConstantTime(await digestRequest(url, body), requestDigest)) return;
  refuseCredentials("the agent token was issued for another query or body (req)");
}

/** Whoever names our issuer is held to it: a bad token is not tried as something else. */
function readToken(request: Request, issuer: string): string | null {
  const token = request.headers.get("authorization")?.match(/^bearer +(\S+)$/i)?.[1];
  if (token === undefined || !isJwt(token)) return null;
  const payload: Claims | undefined = decodeJwt(token)?.payload;
  return payload?.iss === issuer ? token : null;
}

function checkClaims({ aud, jti, htm }: Claims, request: Request, functionName: string): void {
  const { pathname } = new URL(request.url);
  const audience = joinPath(
    `/functions/v1/${functionName}${stripFunctionName(pathname, functionName)}`,
  );
  if (aud !== audience) {
    refuseCredentials(`the agent token is for ${aud} (aud), and this is ${audience}`);
  }
  if (htm !== request.method) {
    refuseCredentials(`the agent token is for ${htm} (htm), and this is ${request.method}`);
  }
  const keys = ["idempotency-key", "x-idempotency-key"]
    .map((name) => request.headers.get(name)?.trim() ?? "")
    .filter((key) => key !== "");
  if (keys.length === 0 || keys.some((key) => key !== jti)) {
    refuseCredentials("the agent token is for another idempotency key (jti)");
  }
}
