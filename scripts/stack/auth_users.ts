// The rows of auth.users: what Auth shows of them, and how they are found, made and changed. Passwords
// are hashed by pgcrypto's bcrypt, so that users seeded by SQL can sign in as well.
import { AuthError } from "./auth_error.ts";
import type { RolePool } from "./role_pool.ts";
import { quoteLiteral } from "./sql_text.ts";

export interface AuthUser {
  id: string;
  aud: string;
  role: string;
  email: string;
  email_confirmed_at?: string;
  banned_until?: string;
  app_metadata: Record<string, unknown>;
  user_metadata: Record<string, unknown>;
  [field: string]: unknown;
}

/** What a caller sets; what is left out stays as it is. */
export interface UserChanges {
  email?: string;
  password?: string;
  isEmailConfirmed?: boolean;
  /** Merged over what is there; null takes a key away. */
  userMetadata?: Record<string, unknown>;
  appMetadata?: Record<string, unknown>;
  role?: string;
  /** A span such as "24h"; "none" ends a ban. */
  banDuration?: string;
}

export interface UserPage {
  users: AuthUser[];
  total: number;
}

const time = (column: string) =>
  `to_char(${column} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

const USER_JSON = `(jsonb_strip_nulls(jsonb_build_object(
    'id', id, 'aud', aud, 'role', role,
    'email_confirmed_at', ${time("email_confirmed_at")},
    'confirmed_at', ${time("email_confirmed_at")},
    'last_sign_in_at', ${time("last_sign_in_at")},
    'created_at', ${time("created_at")},
    'updated_at', ${time("updated_at")},
    'banned_until', ${time("banned_until")},
    'is_anonymous', is_anonymous
  )) || jsonb_build_object(
    'email', coalesce(email, ''), 'phone', coalesce(phone, ''),
    'app_metadata', raw_app_meta_data, 'user_metadata', raw_user_meta_data, 'identities', '[]'::jsonb
  ))::text as body`;

const EMAIL_PROVIDER = { provider: "email", providers: ["email"] };
/** An interval may be right for Postgres in more ways than Auth takes. */
const DURATION = /^(\d+(\.\d+)?(h|m|s))+$/;

export class UserTable {
  constructor(readonly pool: RolePool) {}

  async get(id: string): Promise<AuthUser | undefined> {
    return await this.#findOne(`id = ${quoteLiteral(id)}`);
  }

  /** Finds who signs in: the user of the address, if the password is theirs. */
  async authenticate(email: string, password: string): Promise<AuthUser | undefined> {
    if (email.includes("\0") || password.includes("\0")) return undefined;
    const given = quoteLiteral(password);
    return await this.#findOne(
      `email = ${quoteLiteral(email.toLowerCase())} and encrypted_password <> ''
       and encrypted_password = extensions.crypt(${given}, encrypted_password)`,
    );
  }

  /** Tells whether this is the user's password already. */
  async hasPassword(id: string, password: string): Promise<boolean> {
    const [row] = await this.pool.runAsOwner(
      `select 1 as one from auth.users where id = ${quoteLiteral(id)}
       and encrypted_password = extensions.crypt(${quoteLiteral(password)}, encrypted_password)`,
    );
    return row !== undefined;
  }

  async create(changes: UserChanges & { email: string }): Promise<AuthUser> {
    const app = { ...EMAIL_PROVIDER, ...changes.appMetadata };
    const [row] = await this.pool.runAsOwner(
      `insert into auth.users (email, raw_app_meta_data)
       values (${quoteLiteral(changes.email)}, ${quoteLiteral(JSON.stringify(app))})
       returning id::text`,
    );
    return await this.update(row.id as string, { ...changes, email: undefined });
  }

  async update(id: string, changes: UserChanges): Promise<AuthUser> {
    const [row] = await this.pool.runAsOwner(
      `update auth.users set ${listAssignments(changes).join(", ")}
       where id = ${quoteLiteral(id)} returning ${USER_JSON}`,
    );
    if (row === undefined) throw userNotFound();
    return JSON.parse(row.body as string);
  }

  async noteSignIn(id: string): Promise<AuthUser | undefined> {
    const [row] = await this.pool.runAsOwner(
      `update auth.users set last_sign_in_at = now(), updated_at = now()
       where id = ${quoteLiteral(id)} returning ${USER_JSON}`,
    );
    return row === undefined ? undefined : JSON.parse(row.body as string);
  }

  async delete(id: string): Promise<void> {
    const rows = await this.pool.runAsOwner(
      `delete from auth.users where id = ${quoteLiteral(id)} returning id::text`,
    );
    if (rows.length === 0) throw userNotFound();
  }

  /** Newest first; pages count from 1. */
  async list(page: number, perPage: number): Promise<UserPage> {
    const rows = await this.pool.runAsOwner(
      `select ${USER_JSON} from auth.users
       order by created_at desc, id limit ${perPage} offset ${(page - 1) * perPage}`,
    );
    const [{ total }] = await this.pool.runAsOwner(
      "select count(*)::text as total from auth.users",
    );
    return { users: rows.map((row) => JSON.parse(row.body as string)), total: Number(total) };
  }

  async #findOne(condition: string): Promise<AuthUser | undefined> {
    const [row] = await this.pool.runAsOwner(
      `select ${USER_JSON} from auth.users where ${condition}`,
    );
    return row === undefined ? undefined : JSON.parse(row.body as string);
  }
}

function listAssignments(changes: UserChanges): string[] {
  const { email, password, isEmailConfirmed, userMetadata, appMetadata, role, banDuration } =
    changes;
  const list = ["updated_at = now()"];
  const merge = (column: string, value: Record<string, unknown>) =>
    list.push(
      `${column} = (
         select coalesce(jsonb_object_agg(key, value), '{}')
         from jsonb_each(${column} || ${quoteLiteral(JSON.stringify(value))}::jsonb)
         where value <> 'null'
       )`,
    );
  if (email !== undefined) list.push(`email = ${quoteLiteral(email)}`);
  if (password !== undefined) {
    const hash = `extensions.crypt(${quoteLiteral(password)}, extensions.gen_salt('bf', 10))`;
    list.push(`encrypted_password = ${hash}`);
  }
  if (isEmailConfirmed) list.push("email_confirmed_at = coalesce(email_confirmed_at, now())");
  const verified = isEmailConfirmed ? { email_verified: true } : {};
  if (isEmailConfirmed || userMetadata) {
    merge("raw_user_meta_data", { ...userMetadata, ...verified });
  }
  if (appMetadata) merge("raw_app_meta_data", appMetadata);
  if (role !== undefined) list.push(`role = ${quoteLiteral(role)}`);
  if (banDuration === "none") list.push("banned_until = null");
  else if (banDuration !== undefined) {
    if (!DURATION.test(banDuration)) {
      throw new AuthError(400, "validation_failed", "Invalid format for ban duration");
    }
    // Spaced out, as Postgres does not read "1h30m".
    const span = banDuration.replaceAll(/([hms])/g, "$1 ").replaceAll("m ", "min ");
    list.push(`banned_until = now() + interval '${span.trim()}'`);
  }
  return list;
}

export function userNotFound(): AuthError {
  return new AuthError(404, "user_not_found", "User not found");
}
