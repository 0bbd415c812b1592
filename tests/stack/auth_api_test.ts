// Auth as the real supabase-js uses it: sign-in with a password, sessions that are refreshed, ended and
// refused, one's own user, and the administration of users, which is for secret keys alone.
import assert from "node:assert/strict";
import { createClient, type Session, type SupabaseClient } from "@supabase/supabase-js";
import { startFixtureStack } from "./stack_fixture.ts";

const { stack, admin, connectAs, stop } = await startFixtureStack({
  loops: { cron: false, net: false },
});
const { publishable, secret, serviceRoleJwt, anonJwt } = stack.keys;
const service = connectAs(secret);
Deno.test.afterAll(() => stop());

const PASSWORD = "correct horse";
let users = 0;

/** Makes a user with an address of its own. */
async function addUser(more: Record<string, unknown> = {}): Promise<{ id: string; email: string }> {
  const email = `user${++users}@example.com`;
  const { data, error } = await service.auth.admin.createUser({
    ...{ email, password: PASSWORD, email_confirm: true },
    ...more,
  });
  assert.equal(error, null);
  return { id: data.user!.id, email };
}

async function signIn(email: string): Promise<{ client: SupabaseClient; session: Session }> {
  const client = connectAs(publishable);
  const { data, error } = await client.auth.signInWithPassword({ email, password: PASSWORD });
  assert.equal(error, null);
  return { client, session: data.session! };
}

async function ask(
  method: string,
  path: string,
  { key = publishable, token, body }: { key?: string; token?: string; body?: unknown } = {},
): Promise<{ status: number; body: Record<string, unknown>; headers: Headers }> {
  const response = await fetch(`${stack.url}/auth/v1/${path}`, {
    method,
    headers: {
      ...(key === "" ? {} : { apikey: key }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
  });
  const text = await response.text();
  return {
    status: response.status,
    body: text === "" ? {} : JSON.parse(text),
    headers: response.headers,
  };
}

function refresh(token: string) {
  return ask("POST", "token?grant_type=refresh_token", { body: { refresh_token: token } });
}

function readClaims(token: string): Record<string, unknown> {
  return JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
}

Deno.test("a user signs in with the password and gets a session whose token the project signed", async () => {
  const { id, email } = await addUser();
  const { client, session } = await signIn(email.toUpperCase());
  assert.equal(session.token_type, "bearer");
  assert.equal(session.expires_in, 3600);
  assert.equal(session.user.email, email);
  assert.ok(session.user.last_sign_in_at);
  const claims = readClaims(session.access_token);
  assert.deepEqual(
    [claims.iss, claims.sub, claims.aud, claims.role, claims.email, claims.aal],
    [`${stack.url}/auth/v1`, id, "authenticated", "authenticated", email, "aal1"],
  );
  assert.equal(Number(claims.exp) - Number(claims.iat), 3600);
  assert.equal(session.expires_at, claims.exp);
  // Verified against the project's public keys, as a function would.
  const verified = await client.auth.getClaims(session.access_token);
  assert.equal(verified.error, null);
  assert.equal(verified.data?.header.alg, "ES256");
  assert.equal(verified.data?.claims.sub, id);
  const { data } = await client.auth.getUser();
  assert.equal(data.user?.id, id);
});

Deno.test("the Data API takes a signed-in user as the role authenticated", async () => {
  const { email } = await addUser();
  const { client, session } = await signIn(email);
  const { data } = await client.rpc("describe_caller");
  assert.deepEqual(data, [{ role: "authenticated", subject: session.user.id }]);
});

Deno.test("a wrong password, an unknown address and an unconfirmed one are refused, in Auth's words", async () => {
  const { email } = await addUser();
  const unconfirmed = await addUser({ email_confirm: false });
  const client = connectAs(publishable);
  const cases: [email: string, password: string, code: string, message: string][] = [
    [email, "wrong password", "invalid_credentials", "Invalid login credentials"],
    ["nobody@example.com", PASSWORD, "invalid_credentials", "Invalid login credentials"],
    ["", PASSWORD, "validation_failed", "missing email or phone"],
    [email, "", "invalid_credentials", "Invalid login credentials"],
    [`${email}' or '1' = '1`, PASSWORD, "invalid_credentials", "Invalid login credentials"],
    [unconfirmed.email, PASSWORD, "email_not_confirmed", "Email not confirmed"],
  ];
  for (const [address, password, code, message] of cases) {
    const { data, error } = await client.auth.signInWithPassword({ email: address, password });
    assert.equal(data.session, null);
    assert.deepEqual([error?.status, error?.code, error?.message], [400, code, message]);
  }
});

Deno.test("errors have the older form for clients that do not ask for the newer", async () => {
  const { status, body } = await ask("POST", "token?grant_type=password", {
    body: { email: "nobody@example.com", password: "x" },
  });
  assert.equal(status, 400);
  assert.deepEqual(body, {
    code: 400,
    error_code: "invalid_credentials",
    msg: "Invalid login credentials",
  });
});

Deno.test("passwords are kept as salted hashes, and users seeded by SQL can sign in", async () => {
  const [one, other] = [await addUser(), await addUser()];
  const rows = await admin<{ encrypted_password: string }[]>`
    select encrypted_password from auth.users where id in (${one.id}, ${other.id})`;
  assert.ok(rows.every((row) => /^\$2a\$10\$/.test(row.encrypted_password)));
  assert.notEqual(rows[0].encrypted_password, rows[1].encrypted_password);
  await admin`
    insert into auth.users (email, encrypted_password, email_confirmed_at)
    values ('seeded@example.com', extensions.crypt(${PASSWORD}, extensions.gen_salt('bf')), now())`;
  await signIn("seeded@example.com");
});

Deno.test("a refreshed session goes on with a new refresh token and the same session", async () => {
  const { email } = await addUser();
  const { client, session } = await signIn(email);
  const { data, error } = await client.auth.refreshSession();
  assert.equal(error, null);
  assert.notEqual(data.session?.refresh_token, session.refresh_token);
  const [before, after] = [session, data.session!].map((it) => readClaims(it.access_token));
  assert.equal(after.session_id, before.session_id);
  assert.deepEqual(after.amr, before.amr);
});

Deno.test("a used refresh token gives the token that was missed; an older one ends the session after 10 s", async () => {
  const { email } = await addUser();
  const { session } = await signIn(email);
  const first = session.refresh_token;
  const second = (await refresh(first)).body.refresh_token as string;
  assert.equal((await refresh(first)).body.refresh_token, second, "the answer was lost");
  const third = (await refresh(second)).body.refresh_token as string;
  const late = await refresh(first);
  assert.equal(late.status, 200, "within the interval");
  await admin`update auth.refresh_tokens set updated_at = updated_at - interval '11 s'`;
  const reused = await refresh(second);
  assert.deepEqual(
    [reused.status, reused.body.error_code, reused.body.msg],
    [400, "refresh_token_already_used", "Invalid Refresh Token: Already Used"],
  );
  for (const newest of [third, late.body.refresh_token as string]) {
    assert.equal(
      (await refresh(newest)).status,
      400,
      "whoever has the newest token is out as well",
    );
  }
});

Deno.test("refreshes of one token at once all get the same next one", async () => {
  const { email } = await addUser();
  const { session } = await signIn(email);
  const askAtOnce = <T>(send: () => Promise<T>) => Promise.all(Array.from({ length: 8 }, send));
  // Opens connections first, so that the refreshes do not wait in line for one.
  await askAtOnce(() => refresh("no-such-token"));
  const answers = await askAtOnce(() => refresh(session.refresh_token));
  assert.equal(new Set(answers.map(({ body }) => body.refresh_token)).size, 1);
  const unknown = await refresh("no-such-token");
  assert.deepEqual([unknown.status, unknown.body.error_code], [400, "refresh_token_not_found"]);
  assert.equal((await refresh("")).body.error_code, "validation_failed");
});

Deno.test("signing out ends the session's tokens: this one, the others or all", async () => {
  const { email } = await addUser();
  const [one, two, three] = [await signIn(email), await signIn(email), await signIn(email)];
  assert.equal((await one.client.auth.signOut({ scope: "local" })).error, null);
  assert.equal((await refresh(one.session.refresh_token)).status, 400);
  const gone = await ask("GET", "user", { token: one.session.access_token });
  assert.deepEqual([gone.status, gone.body.error_code], [403, "session_not_found"]);

  assert.equal((await two.client.auth.signOut({ scope: "others" })).error, null);
  assert.equal((await refresh(three.session.refresh_token)).status, 400);
  assert.equal((await two.client.auth.getUser()).error, null);

  const four = await signIn(email);
  assert.equal((await four.client.auth.signOut()).error, null);
  for (const { session } of [two, four]) {
    assert.equal((await refresh(session.refresh_token)).status, 400);
  }
  const wrong = await signIn(email);
  const { status } = await ask("POST", "logout?scope=x", { token: wrong.session.access_token });
  assert.equal(status, 400);
});

Deno.test("a user changes the password, which signs out everybody else", async () => {
  const { email } = await addUser();
  const [here, there] = [await signIn(email), await signIn(email)];
  const { auth } = here.client;
  const short = await auth.updateUser({ password: "abc" });
  assert.deepEqual([short.error?.status, short.error?.code], [422, "weak_password"]);
  const same = await auth.updateUser({ password: PASSWORD });
  assert.deepEqual([same.error?.status, same.error?.code], [422, "same_password"]);
  const long = await auth.updateUser({ password: "x".repeat(73) });
  assert.equal(long.error?.status, 422);
  const changed = await auth.updateUser({ password: "another horse", data: { theme: "dark" } });
  assert.equal(changed.error, null);
  assert.equal(changed.data.user?.user_metadata.theme, "dark");
  assert.equal((await auth.getUser()).error, null);
  assert.equal((await refresh(there.session.refresh_token)).status, 400);
  const old = await connectAs(publishable).auth.signInWithPassword({ email, password: PASSWORD });
  assert.equal(old.error?.code, "invalid_credentials");
  const { error } = await connectAs(publishable).auth.signInWithPassword({
    ...{ email, password: "another horse" },
  });
  assert.equal(error, null);
});

Deno.test("nobody signs up, and settings say so", async () => {
  const { error } = await connectAs(publishable).auth.signUp({
    ...{ email: "new@example.com", password: PASSWORD },
  });
  assert.deepEqual([error?.status, error?.code], [422, "signup_disabled"]);
  assert.equal((await ask("GET", "settings")).body.disable_signup, true);
  assert.equal((await ask("GET", "health")).status, 200);
});

Deno.test("administrators create, find, change, ban and delete users", async () => {
  const { id, email } = await addUser({ user_metadata: { a: 1, b: 2 }, app_metadata: { c: 3 } });
  const api = service.auth.admin;
  const found = (await api.getUserById(id)).data.user!;
  assert.deepEqual(found.user_metadata, { a: 1, b: 2, email_verified: true });
  assert.deepEqual(found.app_metadata, { provider: "email", providers: ["email"], c: 3 });
  assert.equal(found.confirmed_at, found.email_confirmed_at);
  const again = await api.createUser({ email: email.toUpperCase(), password: PASSWORD });
  assert.deepEqual([again.error?.status, again.error?.code], [422, "email_exists"]);
  const invalid = await api.createUser({ email: "no address", password: PASSWORD });
  assert.deepEqual([invalid.error?.status, invalid.error?.code], [400, "validation_failed"]);

  const { session } = await signIn(email);
  const changes = { email: `New.${email}`, user_metadata: { a: null }, ban_duration: "1h30m" };
  const changed = await api.updateUserById(id, changes);
  assert.equal(changed.error, null);
  assert.equal(changed.data.user?.email, `new.${email}`);
  assert.deepEqual(changed.data.user?.user_metadata, { b: 2, email_verified: true });
  const until = Date.parse(String(changed.data.user?.banned_until));
  assert.ok(Math.abs(until - Date.now() - 90 * 60_000) < 60_000);
  assert.equal((await refresh(session.refresh_token)).body.error_code, "user_banned");
  await api.updateUserById(id, { ban_duration: "none" });
  assert.equal((await refresh(session.refresh_token)).status, 200);

  assert.equal((await api.deleteUser(id)).error, null);
  assert.equal((await api.getUserById(id)).error?.code, "user_not_found");
  assert.equal((await refresh(session.refresh_token)).body.error_code, "refresh_token_not_found");
  assert.equal((await api.deleteUser(id)).error?.status, 404);
  assert.equal((await ask("GET", "admin/users/7", { key: secret })).status, 404);
  const gone = await ask("GET", "user", { token: session.access_token });
  assert.deepEqual([gone.status, gone.body.error_code], [403, "user_not_found"]);
});

Deno.test("users are listed in pages, newest first", async () => {
  const added = [];
  for (let count = 0; count < 5; count++) added.unshift((await addUser()).email);
  const seen: string[] = [];
  for (let page: number | null = 1; page !== null && seen.length < 5;) {
    const { data, error }: Awaited<ReturnType<typeof service.auth.admin.listUsers>> = await service
      .auth.admin.listUsers({ page, perPage: 2 });
    assert.equal(error, null);
    assert.ok("total" in data && data.total >= 5);
    seen.push(...data.users.map((user) => user.email!));
    page = data.nextPage;
  }
  assert.deepEqual(seen.slice(0, 5), added);
  const { status } = await ask("GET", "admin/users?page=x", { key: secret });
  assert.equal(status, 400);
});

Deno.test("only the secret and the service_role key administrate", async () => {
  const { email } = await addUser();
  const { session } = await signIn(email);
  const keys: [key: string, token: string | undefined, status: number][] = [
    [secret, undefined, 200],
    [secret, secret, 200],
    [serviceRoleJwt, serviceRoleJwt, 200],
    [publishable, undefined, 403],
    [anonJwt, anonJwt, 403],
    [publishable, session.access_token, 403],
    [secret, session.access_token, 403],
    [publishable, "nonsense", 403],
    ["", undefined, 401],
    ["sb_secret_wrong", undefined, 401],
  ];
  for (const [key, token, status] of keys) {
    const answer = await ask("GET", "admin/users", { key, token });
    assert.equal(answer.status, status, JSON.stringify([key, token, answer.body]));
  }
});

Deno.test("every route but the public keys needs an API key", async () => {
  for (const [method, path] of [["GET", "settings"], ["POST", "token"], ["GET", "user"]]) {
    assert.equal((await ask(method, path, { key: "" })).status, 401, path);
  }
  assert.equal((await ask("GET", ".well-known/jwks.json", { key: "" })).status, 200);
});

Deno.test("a foreign, an expired and a missing token are told apart from a missing key", async () => {
  const { id } = await addUser();
  const claims = { sub: id, role: "authenticated", session_id: crypto.randomUUID() };
  const tokens: [token: string | undefined, status: number, code: string][] = [
    [undefined, 401, "no_authorization"],
    [await stack.signJwt(claims, { alg: "ES256", key: "foreign" }), 403, "bad_jwt"],
    [await stack.signJwt(claims, { alg: "ES256", expiresInSeconds: -1 }), 403, "bad_jwt"],
    [await stack.signJwt({ ...claims, sub: "x" }), 403, "bad_jwt"],
    [await stack.signJwt(claims), 403, "session_not_found"],
  ];
  for (const [token, status, code] of tokens) {
    const answer = await ask("GET", "user", { token });
    assert.deepEqual([answer.status, answer.body.error_code], [status, code]);
  }
});

Deno.test("bodies that are no JSON, and routes that are not there, are told", async () => {
  for (const body of ["{", "[]", "7", '{"email": 7}', '{"email": "\\u0000"}']) {
    const answer = await ask("POST", "token?grant_type=password", { body });
    assert.deepEqual([answer.status, answer.body.error_code], [400, "bad_json"], body);
  }
  const grant = await ask("POST", "token?grant_type=pkce", { body: {} });
  assert.deepEqual([grant.status, grant.body.msg], [400, "unsupported_grant_type"]);
  const missing = await ask("POST", "recover", { body: {} });
  assert.deepEqual([missing.status, missing.body.msg], [
    404,
    "The local Auth does not do POST /recover",
  ]);
});

Deno.test("an Auth that is away answers so that clients keep their session", async () => {
  const { email } = await addUser();
  const { client } = await signIn(email);
  stack.setAway("auth", true);
  const { error } = await client.auth.getUser();
  assert.equal(error?.name, "AuthRetryableFetchError");
  assert.equal(error?.status, 503);
  stack.setAway("auth", false);
  assert.equal((await client.auth.getUser()).error, null);
});

Deno.test("API callers cannot read the tables of Auth", async () => {
  for (const role of ["anon", "authenticated", "service_role"]) {
    for (const table of ["users", "sessions", "refresh_tokens"]) {
      await assert.rejects(
        admin.begin(async (sql) => {
          await sql.unsafe(`set local role ${role}`);
          await sql.unsafe(`select from auth.${table}`);
        }),
        /permission denied/,
      );
    }
  }
});

Deno.test("sessions are as short as the stack is told", async () => {
  const short = await startFixtureStack({
    loops: { cron: false, net: false },
    sessionSeconds: 1,
  });
  try {
    const email = "short@example.com";
    await short.connectAs(short.stack.keys.secret).auth.admin.createUser({
      ...{ email, password: PASSWORD, email_confirm: true },
    });
    const client = short.connectAs(short.stack.keys.publishable);
    const { data } = await client.auth.signInWithPassword({ email, password: PASSWORD });
    const { exp, iat } = readClaims(data.session!.access_token);
    assert.deepEqual([data.session!.expires_in, Number(exp) - Number(iat)], [1, 1]);
  } finally {
    await short.stop();
  }
});

Deno.test("the browser's client keeps its session between visits and refreshes it", async () => {
  const { email } = await addUser();
  const kept = new Map<string, string>();
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  };
  const open = () =>
    createClient(stack.url, publishable, { auth: { storage, autoRefreshToken: false } });
  await open().auth.signInWithPassword({ email, password: PASSWORD });
  const { data } = await open().auth.getSession();
  assert.equal(data.session?.user.email, email);
  // As after an hour: the next look refreshes it.
  const [name] = kept.keys();
  kept.set(name, JSON.stringify({ ...data.session, expires_at: 1 }));
  const refreshed = await open().auth.getSession();
  assert.notEqual(refreshed.data.session?.refresh_token, data.session?.refresh_token);
});
