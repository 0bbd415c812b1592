// People who are signed in with Supabase Auth: their token says who they are, and the database is asked
// at every request what they may do, so that a role that was taken away ends at once.
import type { OperatorRole } from "../contract/dashboard.ts";
import { type Claims, refuseCredentials } from "./jwt.ts";

/** A signed-in person with a role. */
export interface OperatorCaller {
  kind: "operator";
  role: OperatorRole;
  userId: string;
  email: string;
}

/** A signed-in person without a role: an app's user, who may look at what is their own. */
export interface UserCaller {
  kind: "user";
  userId: string;
  /** What everything else answers them. */
  refusal: string;
}

/** The role that a user has here, or null. */
export type FindOperator = (
  userId: string,
) => Promise<{ email: string; role: OperatorRole } | null>;

export interface UserAuthOptions {
  findOperator: FindOperator;
  /** The project's own address; says whose tokens these must be where it is a hosted one. */
  projectUrl: string;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const HOSTED = ".supabase.co";

/**
 * Makes the check of a verified token with the role `authenticated`. Throws `unauthorized` for a token
 * that is no user's of this project. An anonymous user's runs are their own as anybody's, but nobody gives
 * them a role.
 */
export function createUserAuth(
  { findOperator, projectUrl }: UserAuthOptions,
): (claims: Claims) => Promise<OperatorCaller | UserCaller> {
  return async ({ sub, iss, email, is_anonymous }) => {
    if (typeof sub !== "string" || !UUID.test(sub)) {
      refuseCredentials("the request's token names no user");
    }
    if (!isIssuerPossible(iss, projectUrl)) {
      refuseCredentials(`the request's token comes from another project: ${iss}`);
    }
    const userId = sub.toLowerCase();
    if (is_anonymous === true) {
      return {
        kind: "user",
        userId,
        refusal:
          "authenticating: an anonymous user has no rights here; sign in with an account of " +
          "your own",
      };
    }
    const operator = await findOperator(userId);
    if (operator === null) {
      const name = typeof email === "string" && email !== "" ? email : userId;
      return {
        kind: "user",
        userId,
        refusal: `authenticating: ${name} is signed in and has no role here; ` +
          `\`deno task admin:grant ${name} viewer\` (or operator) gives one`,
      };
    }
    return { kind: "operator", role: operator.role, userId, email: operator.email };
  };
}

/**
 * Only hosted names can be told apart: with a custom domain, behind the local gateway or self-hosted, the
 * issuer and the address that functions know the project by need not look alike.
 */
function isIssuerPossible(issuer: unknown, projectUrl: string): boolean {
  if (issuer === undefined) return true;
  if (typeof issuer !== "string") return false;
  const [own, given] = [URL.parse(projectUrl)?.hostname, URL.parse(issuer)?.hostname];
  return !own?.endsWith(HOSTED) || !given?.endsWith(HOSTED) || own === given;
}
