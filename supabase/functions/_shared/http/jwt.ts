// Tokens that the project's signing keys have signed: decoded, verified, or refused with the reason.
import { decode, verifyWithJwks } from "hono/jwt";
import { OrchestratorError } from "../contract/errors.ts";
import type { KeySource } from "./jwks.ts";

/** What a verified token says; `exp` is always there. */
export type Claims = Record<string, unknown>;

/** The audience that Supabase Auth writes into the tokens of users. */
const OWN_AUDIENCE = "authenticated";

/** Refuses a caller whose credentials are not enough; what is wrong, as the end of a sentence. */
export function refuseCredentials(detail: string): never {
  throw new OrchestratorError("unauthorized", `authenticating: ${detail}`);
}

export function isJwt(text: string): boolean {
  return text.split(".").length === 3;
}

/** Reads a token without verifying it; null where it is none. */
export function decodeJwt(text: string): ReturnType<typeof decode> | null {
  try {
    return decode(text);
  } catch {
    return null;
  }
}

/** Of keys whose public part verifies. */
type PublicAlgorithm = "ES256" | "RS256" | "EdDSA";

/** Those of the project's own signing keys. */
const PROJECT_ALGORITHMS: readonly PublicAlgorithm[] = ["ES256", "RS256"];

/** The claims of a token of this project, for whomever it is; throws `unauthorized` for any other. */
export async function verifyJwt(
  token: string,
  findSigningKeys: KeySource,
  algorithms: readonly PublicAlgorithm[] = PROJECT_ALGORITHMS,
): Promise<Claims> {
  const decoded = decodeJwt(token);
  const header = decoded?.header;
  if (header?.alg === "HS256" && decoded?.payload.role === "authenticated") {
    refuseCredentials(
      "the user's token is signed with the legacy shared secret (HS256), which is not accepted " +
        "here: let the project use JWT signing keys (Settings -> JWT keys) and sign in again",
    );
  }
  const keyId = header !== undefined && "kid" in header ? header.kid : undefined;
  if (typeof keyId !== "string") {
    refuseCredentials("the request's token is not signed with the project's signing keys");
  }
  const signingKeys = await findSigningKeys(keyId);
  const claims: Claims = await verifyWithJwks(token, {
    keys: signingKeys,
    allowedAlgorithms: [...algorithms],
    // A token from a server whose clock is a second ahead is no forgery.
    verification: { iat: false },
  }).catch((error: unknown) => {
    const isExpired = error instanceof Error &&
      error.name === "JwtTokenExpired";
    refuseCredentials(
      isExpired ? "the request's token has expired" : "the request's token does not verify",
    );
  });
  if (typeof claims.exp !== "number") refuseCredentials("the request's token has no expiry");
  return claims;
}

/** Refuses a token for somebody else: a service's own tokens name no audience, those of users always do. */
export function checkAudience({ aud }: Claims): void {
  if (aud === undefined || [aud].flat().includes(OWN_AUDIENCE)) return;
  refuseCredentials("the request's token is for somebody else");
}
