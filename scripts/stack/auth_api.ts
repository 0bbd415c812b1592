// Auth under /auth/v1 as supabase-js calls it: sign-in with a password, sessions, one's own user and
// the administration of users. It sends no mail and takes no sign-ups, as a project with those off.
import { handleUserAdmin } from "./auth_admin.ts";
import {
  type AuthBody,
  checkPassword,
  isUuid,
  readAuthBody,
  readObject,
  readText,
} from "./auth_body.ts";
import { AuthError, reportAuthError } from "./auth_error.ts";
import { isBanned, type LogoutScope, SessionBook } from "./auth_sessions.ts";
import { type AuthUser, type UserChanges, UserTable } from "./auth_users.ts";
import { readBearer } from "./gateway_auth.ts";
import { InvalidTokenError, type KeyRing } from "./keys.ts";
import { type Caller, DatabaseAwayError, type RolePool } from "./role_pool.ts";

export interface AuthOptions {
  /** Base URL of the gateway. */
  url: string;
  /** How long an access token is valid. */
  sessionSeconds: number;
}

interface SignedIn {
  user: AuthUser;
  sessionId: string;
}

const SETTINGS = {
  external: { anonymous_users: false, email: true, phone: false },
  disable_signup: true,
  mailer_autoconfirm: false,
  phone_autoconfirm: false,
  sms_provider: "",
  saml_enabled: false,
};

export class AuthApi {
  /** A test's switch: answers as if Auth were down. */
  isAway = false;

  readonly #users: UserTable;
  readonly #sessions: SessionBook;

  constructor(pool: RolePool, readonly keyRing: KeyRing, { url, sessionSeconds }: AuthOptions) {
    this.#users = new UserTable(pool);
    this.#sessions = new SessionBook(
      pool,
      this.#users,
      keyRing,
      { issuer: `${url}/auth/v1`, sessionSeconds },
    );
  }

  /** Answers a request; `path` is what follows /auth/v1/, and `caller` whose API key it bears. */
  async handle(request: Request, url: URL, caller: Caller, path: string): Promise<Response> {
    try {
      if (this.isAway) throw new DatabaseAwayError("switched off");
      return await this.#answer(request, url, caller, path);
    } catch (error) {
      return reportAuthError(error, request);
    }
  }

  async #answer(request: Request, url: URL, caller: Caller, path: string): Promise<Response> {
    const [first, second, id, ...rest] = path.split("/");
    if (first === "admin" && second === "users" && rest.length === 0) {
      await this.#checkAdmin(request, caller);
      const response = await handleUserAdmin(request, url, id, this.#users);
      if (response !== undefined) return response;
    }
    switch (`${request.method} ${path}`) {
      case "GET health":
        return Response.json({ version: "local", name: "GoTrue", description: "Auth" });
      case "GET settings":
        return Response.json(SETTINGS);
      case "POST signup":
        throw new AuthError(422, "signup_disabled", "Signups not allowed for this instance");
      case "POST token":
        return await this.#issueToken(request, url.searchParams.get("grant_type"));
      case "POST logout":
        return await this.#logOut(request, url.searchParams.get("scope") ?? "global");
      case "GET user":
        return Response.json((await this.#identify(request)).user);
      case "PUT user":
        return Response.json(await this.#updateUser(request));
    }
    const text = `The local Auth does not do ${request.method} /${path}`;
    throw new AuthError(404, "not_found", text);
  }

  async #issueToken(request: Request, grant: string | null): Promise<Response> {
    const body = await readAuthBody(request);
    if (grant === "password") return await this.#signIn(request, body);
    if (grant !== "refresh_token") {
      throw new AuthError(400, "invalid_credentials", "unsupported_grant_type");
    }
    const token = readText(body, "refresh_token");
    if (token !== "") return await this.#sessions.refresh(token);
    throw new AuthError(400, "validation_failed", "refresh_token required");
  }

  async #signIn(request: Request, body: AuthBody): Promise<Response> {
    const [email, password] = [readText(body, "email"), readText(body, "password")];
    if (email === "") throw new AuthError(400, "validation_failed", "missing email or phone");
    const user = await this.#users.authenticate(email, password);
    if (user === undefined) {
      throw new AuthError(400, "invalid_credentials", "Invalid login credentials");
    }
    if (isBanned(user)) throw new AuthError(400, "user_banned", "User is banned");
    if (user.email_confirmed_at === undefined) {
      throw new AuthError(400, "email_not_confirmed", "Email not confirmed");
    }
    return await this.#sessions.signIn(user, request.headers.get("user-agent") ?? "");
  }

  async #logOut(request: Request, scope: string): Promise<Response> {
    const { user, sessionId } = await this.#identify(request);
    if (!["global", "local", "others"].includes(scope)) {
      throw new AuthError(400, "validation_failed", `Unsupported logout scope "${scope}"`);
    }
    await this.#sessions.end(user.id, sessionId, scope as LogoutScope);
    return new Response(null, { status: 204 });
  }

  async #updateUser(request: Request): Promise<AuthUser> {
    const { user, sessionId } = await this.#identify(request);
    const body = await readAuthBody(request);
    const email = readText(body, "email");
    if (email !== "" && email.toLowerCase() !== user.email) {
      const text = "The local Auth sends no mail: change the address with the admin API";
      throw new AuthError(422, "validation_failed", text);
    }
    const changes: UserChanges = body.data ? { userMetadata: readObject(body, "data") } : {};
    if (typeof body.password === "string") {
      changes.password = checkPassword(body.password);
      if (await this.#users.hasPassword(user.id, changes.password)) {
        const text = "New password should be different from the old password.";
        throw new AuthError(422, "same_password", text);
      }
    }
    const updated = await this.#users.update(user.id, changes);
    // Whoever knew the old password is signed out.
    if (changes.password !== undefined) await this.#sessions.end(user.id, sessionId, "others");
    return updated;
  }

  /** Finds whose access token the request bears. */
  async #identify(request: Request): Promise<SignedIn> {
    const claims = await this.#readClaims(request);
    const { sub, session_id: sessionId } = claims;
    if (!isUuid(sub) || !isUuid(sessionId)) {
      throw new AuthError(403, "bad_jwt", "invalid claim: missing sub or session_id claim");
    }
    const user = await this.#users.get(sub);
    if (user === undefined) {
      throw new AuthError(403, "user_not_found", "User from sub claim in JWT does not exist");
    }
    if (!(await this.#sessions.exists(sessionId))) {
      const text = "Session from session_id claim in JWT does not exist";
      throw new AuthError(403, "session_not_found", text);
    }
    return { user, sessionId };
  }

  async #readClaims(request: Request): Promise<Record<string, unknown>> {
    const token = readBearer(request);
    if (token === undefined) {
      const text = "This endpoint requires a valid Bearer token";
      throw new AuthError(401, "no_authorization", text);
    }
    try {
      return await this.keyRing.verifyJwt(token);
    } catch (error) {
      if (!(error instanceof InvalidTokenError)) throw error;
      const text = `invalid JWT: unable to parse or verify signature, ${error.message}`;
      throw new AuthError(403, "bad_jwt", text);
    }
  }

  // A key in `authorization` is the same as one in `apikey` alone; a user's token there is the user.
  async #checkAdmin(request: Request, caller: Caller): Promise<void> {
    const token = readBearer(request);
    const isKey = token === undefined || token === this.keyRing.keys.secret;
    const role = isKey ? caller.role : (await this.#readClaims(request)).role;
    if (role !== "service_role") throw new AuthError(403, "not_admin", "User not allowed");
  }
}
