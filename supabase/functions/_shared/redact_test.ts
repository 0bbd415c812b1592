import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  hideCredentials,
  hideKeys,
  hideSecrets,
  hideSecretsIn,
  isSecretName,
  noteLikelySecrets,
  noteSecrets,
} from "./redact.ts";

const SECRET = 'a "value"\\that+nobody/knows=%20';
const TOKEN = `12.0.3.1790000000000.${"Ab-_".repeat(11).slice(0, 43)}`;

noteSecrets([SECRET, undefined, "", "short", "passphrase"]);
noteLikelySecrets(["a-tenant-named-production"]);

Deno.test("a secret that is known is hidden in every spelling that programs give it", () => {
  const spellings: Record<string, string> = {
    plain: SECRET,
    "of JSON": JSON.stringify({ at: [SECRET] }),
    "of a query": `?k=${encodeURIComponent(SECRET)}&l=1`,
    "of hex": Buffer.from(`x${SECRET}y`).toString("hex"),
  };
  for (let before = 0; before < 3; before++) {
    const bytes = Buffer.from(`${"x".repeat(before)}${SECRET}, and more`);
    spellings[`of base64 behind ${before} bytes`] = bytes.toString("base64");
    spellings[`of base64url behind ${before} bytes`] = bytes.toString("base64url");
  }
  for (const [name, text] of Object.entries(spellings)) {
    const shown = hideSecrets(text);
    assert.match(shown, /\[redacted\]/, name);
    assert.ok(shown.length < text.length || name === "plain", `${name}: ${shown}`);
  }
  assert.equal(JSON.parse(hideSecrets(spellings["of JSON"])).at[0], "[redacted]");
});

Deno.test("what is too short to be told from chance stays", () => {
  assert.equal(hideSecrets("a short text", ["text"]), "a short text");
});

Deno.test("what may be a word like any other is hidden in texts for people, and stays in data", () => {
  for (const word of ["passphrase", "a-tenant-named-production"]) {
    assert.equal(hideSecrets(`in ${word}`), `in ${word}`);
    assert.equal(hideKeys(`in ${word}`), "in [redacted]");
  }
});

Deno.test("secrets of one call are hidden in it alone, the longest first", () => {
  const own = ["hooks/T0/B0/token", "T0/B0/token"];
  assert.equal(hideSecrets("at hooks/T0/B0/token", own), "at [redacted]");
  assert.equal(hideSecrets("at hooks/T0/B0/token"), "at hooks/T0/B0/token");
});

Deno.test("data loses known secrets and callback tokens, in names too, and nothing else", () => {
  const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYSJ9.c2ln";
  const data = { [`k ${SECRET}`]: [`at /callbacks/${TOKEN}/heartbeat`], jwt, n: 1.5, none: null };
  assert.deepEqual(hideSecretsIn(data), {
    "k [redacted]": ["at /callbacks/[redacted]/heartbeat"],
    jwt,
    n: 1.5,
    none: null,
  });
  assert.equal(hideSecretsIn(undefined), undefined);
});

Deno.test("a text that quotes data loses all that looks like a key", () => {
  const keys = [
    "sb_secret_abc-DEF",
    "wok_0123456789ab_Zm9vYmFy",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYSJ9.c2ln",
    "https://hooks.slack.com/services/T0/B0/x",
    TOKEN,
  ];
  for (const key of keys) {
    assert.match(hideKeys(`use\n${key}, now`), /^use\n(https:\/\/)?\[redacted\], now$/);
  }
  assert.equal(hideKeys("basic understanding of bearers"), "basic understanding of bearers");
});

Deno.test("an error's text loses what follows a scheme or a secret's name", () => {
  const value = "0123456789abcdef";
  const cases: [text: string, shown: string][] = [
    [`Bearer ${value}!`, "Bearer [redacted]!"],
    [`basic dXNlcjpwYXNz`, "basic [redacted]"],
    [`{"apikey":"${value}"}`, '{"apikey":"[redacted]"}'],
    [JSON.stringify(`{"x-api-key":"${value}"}`), String.raw`"{\"x-api-key\":\"[redacted]\"}"`],
    [`GET /?access_token=${value}&a=1`, "GET /?access_token=[redacted]&a=1"],
    [`token: must be set`, "token: must be set"],
  ];
  for (const [text, shown] of cases) assert.equal(hideCredentials(text), shown);
});

Deno.test("names of secrets are known in every way in which names are written", () => {
  for (const name of ["apiKey", "X-Api-Key", "leaseToken", "set-cookie", "client_secret"]) {
    assert.ok(isSecretName(name), name);
  }
  for (const name of ["step_id", "keyword", "tokenizer"]) assert.ok(!isSecretName(name), name);
});
