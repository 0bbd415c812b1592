import assert from "node:assert/strict";
import { readReceiver } from "./receiver.ts";

const read = (env: Record<string, string>) => readReceiver((name) => env[name]);

Deno.test("without an endpoint nothing is exported", () => {
  assert.equal(read({ OTEL_EXPORTER_OTLP_HEADERS: "a=b" }), null);
});

Deno.test("the common endpoint is a base, the one of traces is taken as it is", () => {
  const base = "OTEL_EXPORTER_OTLP_ENDPOINT";
  const own = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
  const url = (env: Record<string, string>) => read(env)?.url;
  assert.equal(url({ [base]: "https://otel.example.com" }), "https://otel.example.com/v1/traces");
  assert.equal(url({ [base]: "http://host:4318/otlp/" }), "http://host:4318/otlp/v1/traces");
  assert.equal(
    url({ [base]: "http://a", [own]: "https://b.example.com/x" }),
    "https://b.example.com/x",
  );
});

Deno.test("headers are decoded, and a value may hold an equals sign", () => {
  const headers = read({
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://a",
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Basic%20YTpi==, x-scope=a%2Cb,",
  })?.headers;
  assert.deepEqual(headers, { authorization: "Basic YTpi==", "x-scope": "a,b" });
});

Deno.test("what cannot be read is refused, without a credential in the message", () => {
  assert.throws(() => read({ OTEL_EXPORTER_OTLP_ENDPOINT: "otel:4317" }), /must be an address/);
  for (const headers of ["secret", "a=1,b c=secret", "a=%secret", "a=secret%0ab"]) {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://a", OTEL_EXPORTER_OTLP_HEADERS: headers };
    assert.throws(() => read(env), (error: Error) => {
      assert.match(error.message, /OTEL_EXPORTER_OTLP_HEADERS must be/);
      assert.ok(!error.message.includes("secret"), error.message);
      return true;
    });
  }
});
