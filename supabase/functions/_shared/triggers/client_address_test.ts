import assert from "node:assert/strict";
import { readClientAddress } from "./client_address.ts";

const read = (headers: Record<string, string>, name?: string) =>
  readClientAddress(new Headers(headers), name);

Deno.test("the address is what Cloudflare has seen, whatever else the request says", () => {
  const claimed = {
    "x-forwarded-for": "10.0.0.1",
    "x-real-ip": "10.0.0.1",
    "forwarded": "for=10.0.0.1",
  };
  assert.equal(read({ ...claimed, "cf-connecting-ip": "203.0.113.7" }), "203.0.113.7");
  assert.equal(read({ "cf-connecting-ip": "2001:db8::1" }), "2001:db8::1");
  assert.equal(read(claimed), null, "no header is taken in its place");
});

Deno.test("a header of one's own counts alone, and of a list the last entry", () => {
  const headers = { "x-forwarded-for": "10.0.0.1, 203.0.113.7", "cf-connecting-ip": "10.0.0.2" };
  assert.equal(read(headers, "x-forwarded-for"), "203.0.113.7");
});

Deno.test("an IPv4 address in the clothes of an IPv6 one is the IPv4 address", () => {
  assert.equal(read({ "cf-connecting-ip": "::ffff:203.0.113.7" }), "203.0.113.7");
});

Deno.test("what is no address is none", () => {
  for (const text of ["", "unknown", "203.0.113.7:443", "fe80::1%eth0", "1.2.3", "10.0.0.0/8"]) {
    assert.equal(read({ "cf-connecting-ip": text }), null, text);
  }
});
