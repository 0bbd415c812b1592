// Sessions of signed-in users: access tokens that the project's key signs, and refresh tokens that are
// used once. Source of the rules for used ones: supabase/auth, internal/tokens/service.go.
import { AuthError } from "./auth_error.ts";
import type { AuthUser, UserTable } from "./auth_users.ts";
import type { Claims, KeyRing } from "./keys.ts";
import type { RolePool } from "./role_pool.ts";
import { quoteLiteral } from "./sql_text.ts";

export type LogoutScope = "global" | "local" | "others";

export interface SessionOptions {
  /** Base URL of Auth, which its tokens name as their issuer. */
  issuer: string;
  /** How long an access token is valid. */
  sessionSeconds: number;
}

/** For so long a used refresh token still gets a session, for clients that ask twice at once. */
const REUSE_SECONDS = 10;

interface StoredToken {
  user_id: string;
  session_id: string;
  signed_in: string;
  revoked: string;
  is_reusable: string;
  /** The session's unused token, and the one that it came from. */
  active_token: string | null;
  active_parent: string | null;
}

export class SessionBook {
  #refreshing: Promise<unknown> = Promise.resolve();

  constructor(
    readonly pool: RolePool,
    readonly users: UserTable,
    readonly keyRing: KeyRing,
    readonly options: SessionOptions,
  ) {}

  /** Begins a session of a user whose password was right. */
  async signIn(user: AuthUser, userAgent: string): Promise<Response> {
    const agent = quoteLiteral(userAgent);
    const [{ id }] = await this.pool.runAsOwner(
      `insert into auth.sessions (user_id, user_agent) values (${quoteLiteral(user.id)}, ${agent})
       returning id::text`,
    ) as { id: string }[];
    const token = await this.#addToken(user.id, id, null);
    const shown = await this.users.noteSignIn(user.id) ?? user;
    return await this.#answer(shown, id, token, Math.floor(Date.now() / 1000));
  }

  /** Swaps a refresh token; one swap at a time, so that two never win with the same token. */
  refresh(token: string): Promise<Response> {
    const swapped = this.#refreshing.then(() => this.#swap(token));
    this.#refreshing = swapped.catch(() => {});
    return swapped;
  }

  async end(userId: string, sessionId: string, scope: LogoutScope): Promise<void> {
    const own = `id = ${quoteLiteral(sessionId)}`;
    const condition = { global: "true", local: own, others: `not ${own}` }[scope];
    await this.pool.runAsOwner(
      `delete from auth.sessions where user_id = ${quoteLiteral(userId)} and ${condition}`,
    );
  }

  async exists(sessionId: string): Promise<boolean> {
    const rows = await this.pool.runAsOwner(
      `select 1 as one from auth.sessions where id = ${quoteLiteral(sessionId)}`,
    );
    return rows.length > 0;
  }

  async #swap(token: string): Promise<Response> {
    const stored = await this.#find(token);
    const user = stored === undefined ? undefined : await this.users.get(stored.user_id);
    if (stored === undefined || user === undefined) {
      throw refuseToken("refresh_token_not_found", "Refresh Token Not Found");
    }
    if (isBanned(user)) throw refuseToken("user_banned", "User Banned");
    const { session_id: session, revoked } = stored;
    let next = null;
    if (revoked === "true") {
      // The client got no answer the first time: it gets the token that it missed.
      if (stored.active_parent === token) next = stored.active_token;
      else if (stored.is_reusable !== "true") {
        await this.pool.runAsOwner(
          `update auth.refresh_tokens set revoked = true where session_id = '${session}'`,
        );
        throw refuseToken("refresh_token_already_used", "Already Used");
      }
    }
    next ??= await this.#addToken(user.id, session, token);
    return await this.#answer(user, session, next, Number(stored.signed_in));
  }

  async #find(token: string): Promise<StoredToken | undefined> {
    if (token.includes("\0")) return undefined;
    const [row] = await this.pool.runAsOwner(
      `select t.user_id, t.session_id::text, t.revoked::text,
         floor(extract(epoch from s.created_at))::text as signed_in,
         (t.updated_at > now() - interval '${REUSE_SECONDS} s')::text as is_reusable,
         a.token as active_token, a.parent as active_parent
       from auth.refresh_tokens as t
       join auth.sessions as s on s.id = t.session_id
       left join lateral (
         select token, parent from auth.refresh_tokens
         where session_id = t.session_id and not revoked order by id desc limit 1
       ) as a on true
       where t.token = ${quoteLiteral(token)}`,
    );
    return row as unknown as StoredToken | undefined;
  }

  /** Adds a token to a session, and takes the one that it replaces out of use. */
  async #addToken(userId: string, session: string, parent: string | null): Promise<string> {
    const token = crypto.randomUUID().replaceAll("-", "").slice(0, 22);
    const from = parent === null ? "null" : quoteLiteral(parent);
    await this.pool.runAsOwner(
      `update auth.refresh_tokens set revoked = true, updated_at = now()
       where token = ${from} and not revoked;
       update auth.sessions set refreshed_at = now(), updated_at = now()
       where id = '${session}' and ${from} is not null;
       insert into auth.refresh_tokens (token, user_id, session_id, parent)
       values ('${token}', ${quoteLiteral(userId)}, '${session}', ${from})`,
    );
    return token;
  }

  async #answer(
    user: AuthUser,
    session: string,
    refreshToken: string,
    signedIn: number,
  ): Promise<Response> {
    const { issuer, sessionSeconds } = this.options;
    const now = Math.floor(Date.now() / 1000);
    const claims: Claims = {
      iss: issuer,
      sub: user.id,
      aud: user.aud,
      role: user.role,
      email: user.email,
      phone: user.phone,
      app_metadata: user.app_metadata,
      user_metadata: user.user_metadata,
      session_id: session,
      aal: "aal1",
      amr: [{ method: "password", timestamp: signedIn }],
      is_anonymous: false,
      iat: now,
      exp: now + sessionSeconds,
    };
    return Response.json({
      access_token: await this.keyRing.signJwt(claims, { alg: "ES256" }),
      token_type: "bearer",
      expires_in: sessionSeconds,
      expires_at: now + sessionSeconds,
      refresh_token: refreshToken,
      user,
    });
  }
}

export function isBanned(user: AuthUser): boolean {
  return user.banned_until !== undefined && Date.parse(user.banned_until) > Date.now();
}

function refuseToken(code: string, reason: string): AuthError {
  return new AuthError(400, code, `Invalid Refresh Token: ${reason}`);
}
