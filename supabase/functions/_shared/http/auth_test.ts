import assert from "node:assert/strict";
import { sign } from "hono/jwt";
import { OrchestratorError } from "../contract/errors.ts";
import { authenticateService, createServiceAuth } from "./auth.ts";
import { createKeySource } from "./jwks.ts";

const SECRET = "sb_secret_default_0123456789";
const SECOND_SECRET = "sb_secret_second_0123456789";
const PUBLISHABLE = "sb_publishable_0123456789";
const SHARED = "a-shared-jwt-secret-of-a-legacy-project";
const HOUR = 3_600;
const seconds = () => Math.floor(Date.now() / 1_000);

interface KeyPair {
  privateKey: JsonWebKey & { kid: string; alg: "ES256" };
  publicKey: JsonWebKey & { kid: string; alg: "ES256" };
}

async function createKeyPair(kid: string): Promise<KeyPair> {
  const pair = await crypto.subtle.generateKey(
    { name: "ECDSA", namedCurve: "P-256" },
    true,
    ["sign", "verify"],
  );
  const [privateKey, publicKey] = await Promise.all([
    crypto.subtle.exportKey("jwk", pair.privateKey),
    crypto.subtle.exportKey("jwk", pair.publicKey),
  ]);
  return {
    privateKey: { ...privateKey, kid, alg: "ES256" },
    publicKey: { ...publicKey, kid, alg: "ES256" },
  };
}

const own = await createKeyPair("own");
const foreign = await createKeyPair("foreign");
const impostor = await createKeyPair("own");

const legacyServiceRole = await sign(
  {
    iss: "supabase",
    ref: "local",
    role: "service_role",
    exp: seconds() + 10 * HOUR,
  },
  SHARED,
  "HS256",
);
const edgeServiceJwt = await sign(
  { role: "service_role", iss: "edge" },
  SHARED,
  "HS256",
);

const keys = {
  secretKeys: { default: SECRET, second: SECOND_SECRET, blank: "" },
  serviceKeys: [legacyServiceRole, edgeServiceJwt],
  jwks: { keys: [own.publicKey] },
};
const authenticate = createServiceAuth(keys);

function request(headers: Record<string, string>): Request {
  return new Request("http://localhost/orchestrator/worker", {
    method: "POST",
    headers,
  });
}

function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

async function findRefusal(headers: Record<string, string>): Promise<string> {
  const error = await authenticate(request(headers)).then(
    (caller) => assert.fail(`accepted as ${JSON.stringify(caller)}`),
    (error: unknown) => error,
  );
  assert.ok(error instanceof OrchestratorError, String(error));
  return error.kind;
}

Deno.test("every named secret key is accepted in the apikey header", async () => {
  const first = await authenticate(request({ apikey: SECRET }));
  const second = await authenticate(request({ apikey: SECOND_SECRET }));
  assert.deepEqual(first, {
    kind: "service",
    via: "secret_key",
    keyName: "default",
  });
  assert.deepEqual(second, {
    kind: "service",
    via: "secret_key",
    keyName: "second",
  });
});

Deno.test("a key that is a part, a repetition or a variation of a service key is refused", async () => {
  const last = SECRET.endsWith("a") ? "b" : "a";
  for (
    const apikey of [
      SECRET.slice(0, -1),
      SECRET.slice(1),
      SECRET + SECRET,
      `${SECRET}a`,
      `${SECRET.slice(0, -1)}${last}`,
      SECRET.toUpperCase(),
    ]
  ) {
    assert.equal(await findRefusal({ apikey }), "unauthorized", apikey);
  }
});

Deno.test("a secret key, the legacy service_role key and EDGE_SERVICE_JWT work as Bearer", async () => {
  assert.equal((await authenticate(request(bearer(SECRET)))).via, "secret_key");
  assert.equal(
    (await authenticate(request(bearer(legacyServiceRole)))).via,
    "service_key",
  );
  assert.equal(
    (await authenticate(request(bearer(edgeServiceJwt)))).via,
    "service_key",
  );
});

Deno.test("one good key is enough beside the publishable key that a gateway wants", async () => {
  const caller = await authenticate(
    request({ apikey: PUBLISHABLE, ...bearer(legacyServiceRole) }),
  );
  assert.equal(caller.via, "service_key");
});

Deno.test("a service_role JWT of the project's signing keys is accepted, with or without sub", async () => {
  for (const claims of [{}, { sub: "worker", iat: seconds() + 2 }]) {
    const payload = { role: "service_role", exp: seconds() + HOUR, ...claims };
    const token = await sign(payload, own.privateKey);
    assert.equal(
      (await authenticate(request(bearer(token)))).via,
      "service_jwt",
    );
  }
});

Deno.test("no key, a wrong key, a publishable key and a blank key are refused", async () => {
  const attempts: Record<string, string>[] = [
    {},
    { apikey: "" },
    { authorization: "Bearer " },
    { authorization: SECRET },
    { authorization: `Basic ${btoa(`service:${SECRET}`)}` },
    { apikey: "sb_secret_wrong" },
    { apikey: SECRET.slice(0, -1) },
    { apikey: `${SECRET}x` },
    { apikey: PUBLISHABLE },
    bearer(PUBLISHABLE),
    bearer("not-a-key"),
    bearer("a.b.c"),
  ];
  for (const headers of attempts) {
    assert.equal(
      await findRefusal(headers),
      "unauthorized",
      JSON.stringify(headers),
    );
  }
});

Deno.test("a JWT that is expired, endless, foreign, unsigned or of another role is refused", async () => {
  const service = { role: "service_role", exp: seconds() + HOUR };
  const [head, body] = (await sign(service, own.privateKey)).split(".");
  const none = btoa(JSON.stringify({ alg: "none", typ: "JWT", kid: "own" }))
    .replace(/=/g, "");
  const tokens: Record<string, string> = {
    expired: await sign({ ...service, exp: seconds() - 1 }, own.privateKey),
    early: await sign({ ...service, nbf: seconds() + HOUR }, own.privateKey),
    forSomebodyElse: await sign({ ...service, aud: "https://agent.test" }, own.privateKey),
    endless: await sign({ role: "service_role" }, own.privateKey),
    foreign: await sign(service, foreign.privateKey),
    impostor: await sign(service, impostor.privateKey),
    unsigned: `${none}.${body}.`,
    stripped: `${head}.${body}.`,
    otherLegacy: await sign(service, SHARED, "HS256"),
    foreignLegacy: await sign(service, "another-secret", "HS256"),
    legacyAnon: await sign(
      { role: "anon", exp: seconds() + HOUR },
      SHARED,
      "HS256",
    ),
    anon: await sign({ role: "anon", exp: seconds() + HOUR }, own.privateKey),
    // The public key used as a shared secret: the classic confusion of algorithms.
    confused: await sign(service, JSON.stringify(own.publicKey), "HS256"),
  };
  for (const [name, token] of Object.entries(tokens)) {
    assert.equal(await findRefusal(bearer(token)), "unauthorized", name);
    assert.equal(
      await findRefusal({ apikey: token }),
      "unauthorized",
      `${name} as apikey`,
    );
  }
});

Deno.test("a user's valid JWT is known but has no rights", async () => {
  const claims = {
    role: "authenticated",
    sub: "user-1",
    exp: seconds() + HOUR,
  };
  const token = await sign(claims, own.privateKey);
  assert.equal(await findRefusal(bearer(token)), "forbidden");
  assert.equal(
    await findRefusal({ apikey: PUBLISHABLE, ...bearer(token) }),
    "forbidden",
  );
});

Deno.test("a configured service key ends when its own expiry has passed", async () => {
  const old = await sign(
    { role: "service_role", exp: seconds() - 1 },
    SHARED,
    "HS256",
  );
  const auth = createServiceAuth({ ...keys, serviceKeys: [old] });
  await assert.rejects(auth(request(bearer(old))), /expired/);
});

Deno.test("without any configured key nothing is accepted, not even nothing", async () => {
  const auth = createServiceAuth({
    secretKeys: { default: "" },
    serviceKeys: [""],
    jwks: null,
  });
  const token = await sign(
    { role: "service_role", exp: seconds() + HOUR },
    own.privateKey,
  );
  for (const headers of [{}, { apikey: "" }, { apikey: " " }, bearer(token)]) {
    await assert.rejects(auth(request(headers)), { name: "OrchestratorError" });
  }
});

Deno.test("the environment's keys are read as the platform names them", async () => {
  const before = Deno.env.toObject();
  Deno.env.set("SUPABASE_URL", "http://localhost:54321");
  Deno.env.set("SUPABASE_SECRET_KEYS", JSON.stringify({ default: SECRET }));
  Deno.env.set("SUPABASE_JWKS", JSON.stringify({ keys: [own.publicKey] }));
  Deno.env.set("EDGE_SERVICE_JWT", "");
  try {
    assert.equal(
      (await authenticateService(request({ apikey: SECRET }))).keyName,
      "default",
    );
    await assert.rejects(
      authenticateService(request({ apikey: SECOND_SECRET })),
    );
  } finally {
    const names = [
      "SUPABASE_URL",
      "SUPABASE_SECRET_KEYS",
      "SUPABASE_JWKS",
      "EDGE_SERVICE_JWT",
    ];
    for (const name of names) {
      if (before[name] === undefined) Deno.env.delete(name);
      else Deno.env.set(name, before[name]);
    }
  }
});

Deno.test("fetched signing keys are kept, and unknown key ids cannot cause a fetch each", async () => {
  let now = 0;
  let calls = 0;
  const server = Deno.serve({ port: 0, onListen: () => {} }, () => {
    calls += 1;
    return Response.json({
      keys: [own.publicKey, { kty: "oct", kid: "secret", k: "AA" }],
    });
  });
  try {
    const find = createKeySource(
      new URL(`http://localhost:${server.addr.port}/jwks`),
      () => now,
    );
    const found = await Promise.all([find("own"), find("own"), find("other")]);
    assert.deepEqual(found[0].map((key) => key.kid), ["own"]);
    assert.equal(calls, 1);
    now = 29_000;
    await find("other");
    assert.equal(calls, 1);
    now = 31_000;
    await find("other");
    assert.equal(calls, 2);
    now = 700_000;
    await find("own");
    assert.equal(calls, 3);
  } finally {
    await server.shutdown();
  }
  now = 2_000_000;
  const lost = createKeySource(
    new URL(`http://localhost:${server.addr.port}/jwks`),
    () => now,
  );
  await assert.rejects(lost("own"), { kind: "unavailable" });
});
