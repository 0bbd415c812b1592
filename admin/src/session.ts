// Who is signed in, by Supabase Auth: three calls, and the tokens kept in this browser. The refresh token
// changes at every use, so tabs take turns.
import { AUTH_URL, config } from "./config.ts";
import { createStore } from "./store.ts";

export interface Session {
  access_token: string;
  refresh_token: string;
  /** Seconds since 1970. */
  expires_at: number;
  email: string;
}

/** Why there is no session: nobody signed in, or the last one ended while the page was in use. */
export type SignedOut = "signed_out" | "expired";

const STORAGE_KEY = "orchestrator.session";
const REFRESH_AHEAD_S = 60;

export const session = createStore<Session | SignedOut>(
  readStored() ?? "signed_out",
);

// Another tab signed in, out, or refreshed.
addEventListener("storage", ({ key }) => {
  if (key === STORAGE_KEY) session.set(readStored() ?? "signed_out");
});

export class SignInError extends Error {}

export async function signIn(email: string, password: string): Promise<void> {
  keep(await requestToken("password", { email, password }));
}

export async function signOut(): Promise<void> {
  const ended = session.get();
  forget("signed_out");
  if (typeof ended === "string") return;
  // Also where the server is away, this browser has forgotten the tokens.
  await fetch(`${AUTH_URL}/logout?scope=local`, {
    method: "POST",
    headers: {
      apikey: config.publishableKey,
      authorization: `Bearer ${ended.access_token}`,
    },
  }).catch(() => {});
}

/** A token that is good for a minute or more, or null: somebody has to sign in. */
export async function getAccessToken(
  isRefused = false,
): Promise<string | null> {
  const known = session.get();
  if (typeof known === "string") return null;
  if (!isRefused && !isStale(known)) return known.access_token;
  return await navigator.locks.request(STORAGE_KEY, async () => {
    const newest = readStored();
    // Another tab was first.
    if (
      newest !== null && newest.access_token !== known.access_token &&
      !isStale(newest)
    ) {
      session.set(newest);
      return newest.access_token;
    }
    try {
      return keep(
        await requestToken("refresh_token", {
          refresh_token: known.refresh_token,
        }),
      );
    } catch (error) {
      if (!(error instanceof SignInError)) throw error;
      forget("expired");
      return null;
    }
  });
}

async function requestToken(grant: string, body: unknown): Promise<Session> {
  const response = await fetch(`${AUTH_URL}/token?grant_type=${grant}`, {
    method: "POST",
    headers: {
      apikey: config.publishableKey,
      "content-type": "application/json",
    },
    body: JSON.stringify(body),
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    if (response.status >= 500) {
      throw new TypeError(`signing in: status ${response.status}`);
    }
    throw new SignInError(
      answer.msg ?? answer.error_description ?? "the sign-in was refused",
    );
  }
  return {
    access_token: answer.access_token,
    refresh_token: answer.refresh_token,
    expires_at: answer.expires_at ??
      Math.floor(Date.now() / 1000) + answer.expires_in,
    email: answer.user?.email ?? "",
  };
}

function keep(fresh: Session): string {
  localStorage.setItem(STORAGE_KEY, JSON.stringify(fresh));
  session.set(fresh);
  return fresh.access_token;
}

function forget(why: SignedOut): void {
  localStorage.removeItem(STORAGE_KEY);
  session.set(why);
}

function isStale({ expires_at }: Session): boolean {
  return expires_at - REFRESH_AHEAD_S < Date.now() / 1000;
}

function readStored(): Session | null {
  try {
    const stored = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? "null");
    return typeof stored?.refresh_token === "string" ? stored : null;
  } catch {
    return null;
  }
}
