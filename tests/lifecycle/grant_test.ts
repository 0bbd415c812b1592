// `deno task admin:grant`: makes the first operator of a project, changes and takes roles, and says what
// is wrong with a call, a key or a project.
import assert from "node:assert/strict";
import { createClient } from "@supabase/supabase-js";
import { openStack } from "../harness/stack.ts";
import { type Finished, ROOT, runScript } from "./command.ts";

const { stack, db, close } = await openStack({
  isSetUp: false,
  loops: { cron: false, net: false },
});
Deno.test.afterAll(close);

const { secret, publishable, serviceRoleJwt } = stack.keys;
const PROJECT = { SUPABASE_URL: stack.url, SUPABASE_SECRET_KEY: secret };

function grant(args: string[], env: Record<string, string> = PROJECT): Promise<Finished> {
  return runScript(ROOT, "admin/grant.ts", args, { ADMIN_PASSWORD: "", ...env });
}

async function signIn(email: string, password: string): Promise<string> {
  const client = createClient(stack.url, publishable, {
    auth: { persistSession: false, autoRefreshToken: false },
  });
  const { data, error } = await client.auth.signInWithPassword({ email, password });
  assert.equal(error, null);
  return data.user!.id;
}

async function readRoles(): Promise<[email: string, role: string][]> {
  const operators = await db.rpc.listOperators();
  return operators.map(({ email, role }) => [email, role]);
}

const countUsers = async () => (await db.admin`select from auth.users`).length;

Deno.test("the first operator gets an account whose password is shown once and works", async () => {
  const none = await grant(["--list"]);
  assert.deepEqual([none.code, none.stdout], [0, "nobody has a role yet\n"]);
  const { code, stdout, stderr } = await grant(["Ann@example.com", "operator"]);
  assert.equal(code, 0, stderr);
  const [made, granted, ...rest] = stdout.trim().split("\n");
  assert.match(
    made,
    /^made an account for ann@example\.com; its password, shown only now: \S{20}$/,
  );
  assert.deepEqual([granted, rest], ["ann@example.com is operator now", []]);
  const id = await signIn("ann@example.com", made.split(" ").at(-1)!);
  assert.equal((await db.rpc.getOperator({ userId: id }))?.role, "operator");
  const [audit] = await db.rpc.listAudit({});
  assert.deepEqual(
    [audit.actor_kind, audit.actor_id, audit.action, audit.result],
    ["service", "admin:grant", "operator.grant", "granted"],
  );
  const { stdout: list } = await grant(["--list"]);
  assert.match(list, /^ann@example\.com +operator +/m);
});

Deno.test("a role is changed, kept and taken away, and the account stays", async () => {
  const say = async (role: string) => (await grant(["ann@example.com", role])).stdout.trim();
  assert.equal(await say("viewer"), "ann@example.com is viewer now (was operator)");
  assert.equal(await say("viewer"), "ann@example.com is viewer already");
  assert.deepEqual(await readRoles(), [["ann@example.com", "viewer"]]);
  assert.equal(await say("none"), "ann@example.com has no role any more (was viewer)");
  assert.equal(await say("none"), "ann@example.com has no role");
  assert.deepEqual(await readRoles(), []);
  assert.equal(await countUsers(), 1);
});

Deno.test("an account that is there is used, and one that has not confirmed its address is told", async () => {
  await db.admin`insert into auth.users (email) values ('old@example.com')`;
  const { code, stdout } = await grant(["old@example.com", "viewer"]);
  assert.equal(code, 0);
  assert.match(stdout, /^old@example\.com has not confirmed the address/);
  assert.match(stdout, /old@example\.com is viewer now\n$/);
  assert.equal(await countUsers(), 2);
});

Deno.test("an account is found behind a thousand others", async () => {
  await db.admin`
    insert into auth.users (email, created_at, email_confirmed_at)
    select 'u' || n || '@example.com', now() + n * interval '1 s', now()
    from generate_series(1, 1500) as n`;
  const { code, stdout } = await grant(["u7@example.com", "viewer"]);
  assert.deepEqual([code, stdout], [0, "u7@example.com is viewer now\n"]);
  await db.admin`delete from auth.users where email like 'u%'`;
});

Deno.test("the password of ADMIN_PASSWORD is taken and not shown; one that Auth refuses is told", async () => {
  const password = "a horse of my own";
  const made = await grant(["bob@example.com", "viewer"], { ...PROJECT, ADMIN_PASSWORD: password });
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stdout, /with the password of ADMIN_PASSWORD/);
  assert.equal(made.stdout.includes(password), false);
  await signIn("bob@example.com", password);
  const again = await grant(["bob@example.com", "operator"], {
    ...{ ...PROJECT, ADMIN_PASSWORD: password },
  });
  assert.match(again.stdout, /has an account: ADMIN_PASSWORD was not used/);
  const short = await grant(["eve@example.com", "viewer"], { ...PROJECT, ADMIN_PASSWORD: "abc" });
  assert.equal(short.code, 1);
  assert.equal(
    short.stderr,
    "making an account for eve@example.com: Auth refuses it: Password should be at least 6 characters.\n",
  );
});

Deno.test("a wrong key and a project that is not there are told, and nothing is made", async () => {
  const before = [await countUsers(), await readRoles()];
  for (const key of ["sb_secret_wrong", publishable, serviceRoleJwt.slice(0, -4)]) {
    const { code, stdout, stderr } = await grant(["eve@example.com", "operator", "--key", key]);
    assert.deepEqual([code, stdout], [1, ""], stderr);
    assert.match(stderr, /the key is a secret key or the service_role key of this project/);
    assert.equal(stderr.includes(key), false, "the key is not repeated");
  }
  const gone = await grant(["eve@example.com", "operator", "--url", "http://127.0.0.1:1"]);
  assert.deepEqual([gone.code, gone.stdout], [1, ""]);
  assert.match(gone.stderr, /^cannot reach the project at http:\/\/127\.0\.0\.1:1/);
  assert.deepEqual([await countUsers(), await readRoles()], before);
});

Deno.test("an Auth that is away is told with what to do", async () => {
  stack.setAway("auth", true);
  const { code, stderr } = await grant(["eve@example.com", "operator"]);
  stack.setAway("auth", false);
  assert.equal(code, 1);
  assert.match(stderr, /^looking for eve@example\.com: Auth of http.* is away \(.*\); try again/);
});

Deno.test("a wrong call ends with 2 and the help", async () => {
  const calls: [args: string[], message: RegExp][] = [
    [[], /^EMAIL must be an address, got ""/],
    [["ann", "viewer"], /^EMAIL must be an address, got "ann"/],
    [["ann@example.com"], /^ROLE must be viewer, operator or none, got ""/],
    [["ann@example.com", "admin"], /^ROLE must be viewer, operator or none, got "admin"/],
    [["ann@example.com", "viewer", "x"], /^unknown argument: x/],
    [["--password", "x"], /--password/],
  ];
  for (const [args, message] of calls) {
    const { code, stdout, stderr } = await grant(args);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, message);
    assert.match(stderr, /deno task admin:grant EMAIL ROLE/);
  }
  const help = await grant(["--help"], {});
  assert.equal(help.code, 0);
  assert.match(help.stdout, /EMAIL ROLE[\s\S]*--list[\s\S]*ADMIN_PASSWORD/);
  const keyless = await grant(["--list"], { SUPABASE_URL: stack.url });
  assert.deepEqual([keyless.code, keyless.stdout], [1, ""]);
  assert.match(keyless.stderr, /^the key of http.* is missing: set SUPABASE_SECRET_KEY/);
});
