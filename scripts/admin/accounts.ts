// Accounts of Supabase Auth, found by their address and made, through the project's administration API.
import { Buffer } from "node:buffer";
import { type AuthError, createClient, type User } from "@supabase/supabase-js";

export interface Accounts {
  admin: ReturnType<typeof createClient>["auth"]["admin"];
  /** Of the project, for messages. */
  url: string;
}

const PER_PAGE = 1000;
const TIMEOUT_MS = 20_000;

export function openAccounts(url: string, serviceKey: string): Accounts {
  const { auth } = createClient(url, serviceKey, {
    auth: {
      persistSession: false,
      autoRefreshToken: false,
      detectSessionInUrl: false,
    },
    global: {
      fetch: (input, init) => fetch(input, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) }),
    },
  });
  return { admin: auth.admin, url };
}

/** The Auth API finds nobody by address, so that all pages are looked through. */
export async function findAccount(
  { admin, url }: Accounts,
  email: string,
): Promise<User | undefined> {
  for (let page = 1;; page++) {
    const { data, error } = await admin.listUsers({ page, perPage: PER_PAGE });
    if (error !== null) {
      throw explainAuthError(`looking for ${email}`, error, url);
    }
    const user = data.users.find((it) => it.email?.toLowerCase() === email);
    if (user !== undefined || data.users.length < PER_PAGE) return user;
  }
}

/** Makes a confirmed account, with a random password where none is given. */
export async function createAccount(
  { admin, url }: Accounts,
  email: string,
  given: string | undefined,
  onProgress: (line: string) => void,
): Promise<User> {
  const password = given ??
    Buffer.from(crypto.getRandomValues(new Uint8Array(15))).toString(
      "base64url",
    );
  const { data, error } = await admin.createUser({
    email,
    password,
    email_confirm: true,
  });
  if (error !== null) {
    throw explainAuthError(`making an account for ${email}`, error, url);
  }
  // At once: whatever fails after this, the password must not be lost.
  onProgress(
    given === undefined
      ? `made an account for ${email}; its password, shown only now: ${password}`
      : `made an account for ${email} with the password of ADMIN_PASSWORD`,
  );
  return data.user!;
}

function explainAuthError(
  action: string,
  error: AuthError,
  url: string,
): Error {
  const { name, status, message } = error;
  if (name === "AuthRetryableFetchError") {
    return new Error(
      `${action}: Auth of ${url} is away (${message}); try again in a moment`,
    );
  }
  if (status === 401 || status === 403) {
    const text = "Auth refuses the key; it must be a secret key or the service_role key";
    return new Error(`${action}: ${text} (${message})`);
  }
  return new Error(`${action}: Auth refuses it: ${message}`);
}
