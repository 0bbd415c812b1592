import assert from "node:assert/strict";
import fc from "fast-check";
import type { HookScheme } from "../contract/hooks.ts";
import { SCHEMES, send, type SentDelivery } from "./fake_senders.ts";
import { makeSecret, sealSecret } from "./secrets.ts";
import { type CheckedSource, type Verdict, verifyDelivery } from "./verify.ts";

const NOW = Date.UTC(2026, 10, 23);
const NOW_SECONDS = NOW / 1_000;

/** How a verdict ends on a delivery as it would come in. */
async function judge(
  { body, headers }: SentDelivery,
  scheme: HookScheme,
  secrets: string[],
  now = NOW,
): Promise<Verdict["kind"]> {
  const source: CheckedSource = { ...scheme, secrets, tolerance_seconds: 300 };
  const delivery = { headers: new Headers(headers), raw: new TextEncoder().encode(body) };
  return (await verifyDelivery(delivery, source, now)).kind;
}

const plain = (preset: "standard" | "github" | "stripe" | "slack") =>
  ({ preset, settings: {} }) satisfies HookScheme;

Deno.test("GitHub's published example verifies", async () => {
  const delivery = {
    body: "Hello, World!",
    headers: {
      "X-Hub-Signature-256":
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    },
  };
  assert.equal(await judge(delivery, plain("github"), ["It's a Secret to Everybody"]), "genuine");
});

Deno.test("Slack's published example verifies, at its time and at no other", async () => {
  const body =
    "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V" +
    "&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=" +
    "&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F" +
    "96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
  const headers = {
    "X-Slack-Request-Timestamp": "1531420618",
    "X-Slack-Signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
  };
  const secrets = ["8f742231b10e8888abcd99yyyzzz85a5"];
  const at = (seconds: number) =>
    judge({ body, headers }, plain("slack"), secrets, seconds * 1_000);
  assert.equal(await at(1531420618), "genuine");
  assert.equal(await at(1531420618 + 300), "genuine");
  assert.equal(await at(1531420618 + 301), "late");
});

Deno.test("the example of the Standard Webhooks libraries verifies", async () => {
  const delivery = {
    body: '{"test": 2432232314}',
    headers: {
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    },
  };
  const secrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"];
  assert.equal(await judge(delivery, plain("standard"), secrets, 1614265330_000), "genuine");
});

// Stripe publishes a header, and neither its body nor its secret. Body and secret are those of its
// library's own tests, the signature is by `openssl dgst -sha256 -hmac`.
Deno.test("a signature in Stripe's format verifies beside others, and its v0 counts for nothing", async () => {
  const body = '{\n  "id": "evt_test_webhook",\n  "object": "event"\n}';
  const right = "c2f890decbc5ede7c5060bb9a6d31e0626a4342bacb9aeae2adb1bcea72f9812";
  const ask = (header: string) =>
    judge({ body, headers: { "Stripe-Signature": header } }, plain("stripe"), [
      "whsec_test_secret",
    ], 1492774577_000);
  assert.equal(await ask(`t=1492774577,v1=${right}`), "genuine");
  assert.equal(await ask(`t=1492774577,v1=${"0".repeat(64)},v1=${right},v0=abc`), "genuine");
  assert.equal(await ask(`t=1492774577,v0=${right}`), "forged");
  assert.equal(await ask(`t=1492774578,v1=${right}`), "forged");
  assert.equal(await ask(`v1=${right}`), "forged");
});

// Signatures by `openssl dgst -sha512 -hmac … -binary | base64` and `openssl dgst -sha1 -hmac …`.
Deno.test("a sender of one's own is checked as its settings say", async () => {
  const body = '{"id":7}';
  const secrets = ["a secret of ours"];
  const base = { header: "x-sum", prefix: "" } as const;
  const bare: HookScheme = {
    preset: "hmac",
    settings: { ...base, algorithm: "sha512", encoding: "base64", signed: "{body}" },
  };
  const sha512 =
    "dp6VMa4CjhrOiLqGwkZO0z4PFSUWtrz27MltgPGKsVc0+VYvV/kD38Klm8t8NsULXvtJUXZy2L2cJQyVrUTO9Q==";
  assert.equal(await judge({ body, headers: { "x-sum": sha512 } }, bare, secrets), "genuine");
  const timed: HookScheme = {
    preset: "hmac",
    settings: {
      ...base,
      algorithm: "sha1",
      encoding: "hex",
      timestamp_header: "x-time",
      signed: "{timestamp}.{body}",
    },
  };
  const headers = { "x-sum": "AB2B5C1C14D8429FDF62446298F083F97A3AA986", "x-time": "1700000000" };
  assert.equal(await judge({ body, headers }, timed, secrets, 1700000000_000), "genuine");
  assert.equal(await judge({ body, headers }, timed, secrets, 1700000301_000), "late");
  const { "x-time": _time, ...untimed } = headers;
  assert.equal(await judge({ body, headers: untimed }, timed, secrets, 1700000000_000), "forged");
  // A time that poses as the body's place moves nothing.
  const posing = { ...headers, "x-time": "{body}" };
  assert.equal(await judge({ body, headers: posing }, timed, secrets, 1700000000_000), "forged");
});

for (const scheme of SCHEMES) {
  const { preset } = scheme;

  Deno.test(`${preset}: either secret verifies, and a third one does not`, async () => {
    const [old, current, other] = [makeSecret(preset), makeSecret(preset), makeSecret(preset)];
    const sealed = await Promise.all([current, old].map((it) => sealSecret(it, preset)));
    for (const [secret, kind] of [[old, "genuine"], [current, "genuine"], [other, "forged"]]) {
      const sent = send(scheme, { body: "{}", timestamp: NOW_SECONDS, secrets: [secret] });
      assert.equal(await judge(sent, scheme, sealed), kind);
    }
  });

  Deno.test(`${preset}: nothing that was changed verifies`, async () => {
    const secret = makeSecret(preset);
    const sealed = [await sealSecret(secret, preset)];
    const isSigned = preset !== "api_key";
    await fc.assert(
      fc.asyncProperty(fc.json(), fc.nat(), fc.nat(), async (body, place, letter) => {
        const sent = send(scheme, { body, timestamp: NOW_SECONDS, secrets: [secret] });
        assert.equal(await judge(sent, scheme, sealed), "genuine");
        for (const name of listProofs(scheme)) {
          const value = changeOneCharacter(sent.headers[name], place, letter);
          const headers = { ...sent.headers, [name]: value };
          assert.notEqual(await judge({ body, headers }, scheme, sealed), "genuine", value);
          const { [name]: _proof, ...without } = sent.headers;
          assert.equal(await judge({ body, headers: without }, scheme, sealed), "forged");
        }
        if (!isSigned) return;
        for (const other of [`${body} `, changeOneCharacter(body, place, letter)]) {
          assert.equal(await judge({ ...sent, body: other }, scheme, sealed), "forged", other);
        }
      }),
      { numRuns: 300 },
    );
  });
}

for (const scheme of SCHEMES.filter(({ preset }) => !["github", "api_key"].includes(preset))) {
  Deno.test(`${scheme.preset}: a time that is too far from now is late, in both directions`, async () => {
    const secret = makeSecret(scheme.preset);
    const at = (seconds: number) =>
      judge(
        send(scheme, { body: "{}", timestamp: NOW_SECONDS + seconds, secrets: [secret] }),
        scheme,
        [secret],
      );
    assert.deepEqual(
      await Promise.all([-301, -300, 0, 300, 301].map(at)),
      ["late", "genuine", "genuine", "genuine", "late"],
    );
  });
}

Deno.test("a source without any secret verifies nothing", async () => {
  for (const scheme of SCHEMES) {
    const sent = send(scheme, { body: "{}", timestamp: NOW_SECONDS, secrets: ["whsec_AAAA"] });
    assert.equal(await judge(sent, scheme, []), "forged", scheme.preset);
    assert.equal(await judge({ body: "{}", headers: {} }, scheme, []), "forged", scheme.preset);
  }
});

Deno.test("a signature over bytes that are no text, or that begin with a mark, is of these bytes", async () => {
  const scheme = plain("standard");
  const secret = makeSecret("standard");
  const sent = send(scheme, { body: "\ufeff{}", timestamp: NOW_SECONDS, secrets: [secret] });
  assert.equal(await judge(sent, scheme, [secret]), "genuine");
  assert.equal(await judge({ ...sent, body: "{}" }, scheme, [secret]), "forged");
});

/** The headers that prove where a delivery comes from. */
function listProofs({ preset, settings }: HookScheme): string[] {
  switch (preset) {
    case "standard":
      return ["webhook-id", "webhook-timestamp", "webhook-signature"];
    case "github":
      return ["x-hub-signature-256"];
    case "stripe":
      return ["stripe-signature"];
    case "slack":
      return ["x-slack-request-timestamp", "x-slack-signature"];
    case "hmac":
      return [settings.header, settings.timestamp_header!];
    case "api_key":
      return [settings.header];
  }
}

const LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";

/** Another letter at one place: never the same one in another case. */
function changeOneCharacter(text: string, place: number, letter: number): string {
  const at = place % text.length;
  const others = [...LETTERS].filter((it) => it !== text[at].toLowerCase());
  return text.slice(0, at) + others[letter % others.length] + text.slice(at + 1);
}
