import assert from "node:assert/strict";
import { sign } from "hono/jwt";
import { OrchestratorError } from "../contract/errors.ts";
import { createAuth } from "./auth.ts";
import { createUserAuth } from "./user_auth.ts";

const ADA = "00000000-0000-4000-8000-00000000000a";
const STRANGER = "00000000-0000-4000-8000-00000000000b";
const PROJECT = "https://abcdefgh.supabase.co";

const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
  "sign",
  "verify",
]);
const [privateKey, publicKey] = await Promise.all(
  [pair.privateKey, pair.publicKey].map(async (key) => ({
    ...await crypto.subtle.exportKey("jwk", key),
    kid: "own",
    alg: "ES256" as const,
  })),
);
const user = {
  role: "authenticated",
  sub: ADA,
  email: "ada@example.com",
  iss: `${PROJECT}/auth/v1`,
  exp: Math.floor(Date.now() / 1_000) + 3_600,
};

function createAuthOf(projectUrl = PROJECT) {
  const asked: string[] = [];
  const findOperator = (userId: string) => {
    asked.push(userId);
    const operator = { email: "ada@example.com", role: "viewer" as const };
    return Promise.resolve(userId === ADA ? operator : null);
  };
  const keys = { secretKeys: {}, serviceKeys: [], jwks: { keys: [publicKey] } };
  const authenticate = createAuth(keys, createUserAuth({ findOperator, projectUrl }));
  const identify = (token: string) =>
    authenticate(
      new Request("http://localhost/orchestrator/me", {
        headers: { apikey: "sb_publishable_1", authorization: `Bearer ${token}` },
      }),
    );
  return { asked, identify };
}

async function findRefusal(claims: Record<string, unknown>, projectUrl?: string) {
  const { asked, identify } = createAuthOf(projectUrl);
  const error = await identify(await sign(claims, privateKey)).then(
    (caller) => assert.fail(`accepted as ${JSON.stringify(caller)}`),
    (error: unknown) => error,
  );
  assert.ok(error instanceof OrchestratorError, String(error));
  return { kind: error.kind, message: error.message, asked };
}

Deno.test("a user with a role is an operator caller, with the role that the database names", async () => {
  const { identify } = createAuthOf();
  // The claims of the token say nothing about the role.
  const token = await sign({ ...user, user_role: "operator" }, privateKey);
  assert.deepEqual(await identify(token), {
    kind: "operator",
    role: "viewer",
    userId: ADA,
    email: "ada@example.com",
  });
});

Deno.test("a user without a role is told who is signed in and how to get one", async () => {
  const claims = { ...user, sub: STRANGER, email: "eve@example.com" };
  const { identify } = createAuthOf();
  const refuse = async (more: Record<string, unknown>) => {
    const caller = await identify(await sign({ ...claims, ...more }, privateKey));
    assert.deepEqual([caller.kind, caller.kind === "user" && caller.userId], ["user", STRANGER]);
    return caller.kind === "user" ? caller.refusal : "";
  };
  const refusal = await refuse({});
  assert.match(refusal, /eve@example\.com is signed in and has no role/);
  assert.match(refusal, /deno task admin:grant eve@example\.com viewer/);
  assert.match(await refuse({ email: "" }), new RegExp(`${STRANGER} is signed in`));
});

Deno.test("an anonymous user is one without rights, whatever roles there are", async () => {
  const { asked, identify } = createAuthOf();
  const caller = await identify(await sign({ ...user, is_anonymous: true }, privateKey));
  assert.equal(caller.kind, "user");
  assert.match(caller.kind === "user" ? caller.refusal : "", /an anonymous user has no rights/);
  assert.deepEqual(asked, []);
});

Deno.test("a token that is no user's is refused without asking for a role", async () => {
  const cases: [what: string, claims: Record<string, unknown>, kind: string, why: RegExp][] = [
    ["without a user", { ...user, sub: undefined }, "unauthorized", /names no user/],
    ["a user that is no uuid", { ...user, sub: "ada" }, "unauthorized", /names no user/],
    ["expired", { ...user, exp: user.exp - 7_200 }, "unauthorized", /has expired/],
    ["endless", { ...user, exp: undefined }, "unauthorized", /no expiry/],
    ["of the role anon", { ...user, role: "anon" }, "unauthorized", /not a service token/],
    [
      "of another hosted project",
      { ...user, iss: "https://other.supabase.co/auth/v1" },
      "unauthorized",
      /another project: https:\/\/other/,
    ],
    ["with an odd issuer", { ...user, iss: 7 }, "unauthorized", /another project/],
    ["for another API", { ...user, aud: "https://agent.test" }, "unauthorized", /somebody else/],
    ["for several others", { ...user, aud: ["a", "b"] }, "unauthorized", /somebody else/],
    ["with an odd audience", { ...user, aud: {} }, "unauthorized", /somebody else/],
  ];
  for (const [what, claims, kind, why] of cases) {
    const refusal = await findRefusal(claims);
    assert.equal(refusal.kind, kind, what);
    assert.match(refusal.message, why, what);
    assert.deepEqual(refusal.asked, [], what);
  }
});

Deno.test("an issuer that cannot be told apart from the project's is taken", async () => {
  const cases = [
    [PROJECT, "https://auth.example.com/auth/v1"],
    ["http://kong:8000", "http://127.0.0.1:54321/auth/v1"],
    ["http://127.0.0.1:54321", undefined],
  ];
  for (const [projectUrl, iss] of cases) {
    const token = await sign({ ...user, iss }, privateKey);
    assert.equal((await createAuthOf(projectUrl).identify(token)).kind, "operator", iss);
  }
});

Deno.test("a token for the project's users is taken, for others besides or for nobody in particular too", async () => {
  for (const aud of ["authenticated", ["authenticated", "other"], undefined]) {
    const token = await sign({ ...user, aud }, privateKey);
    assert.equal((await createAuthOf().identify(token)).kind, "operator", String(aud));
  }
});

Deno.test("a user's token of the legacy shared secret is refused with what the project has to do", async () => {
  const token = await sign(user, "the-shared-secret", "HS256");
  await assert.rejects(createAuthOf().identify(token), {
    kind: "unauthorized",
    message: /HS256.*JWT signing keys \(Settings -> JWT keys\)/,
  });
});
