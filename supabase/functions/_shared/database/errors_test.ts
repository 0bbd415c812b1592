import assert from "node:assert/strict";
import { translateFailure, UNAVAILABLE_RETRY_MS } from "./errors.ts";

const kindOf = (status: number, code: string, message = "") =>
  translateFailure("leasing jobs", { status, code, message }).kind;

Deno.test("no answer, and answers of gateways without a database, are unavailable", () => {
  assert.equal(kindOf(0, ""), "unavailable");
  for (const status of [502, 503, 504]) {
    assert.equal(kindOf(status, ""), "unavailable");
  }
  assert.equal(kindOf(500, "SUP", "connect ECONNREFUSED 127.0.0.1:5432"), "unavailable");
});

Deno.test("states of Postgres that pass by themselves are unavailable", () => {
  for (
    const code of [
      "PGRST000",
      "PGRST003",
      "57P01",
      "57P03",
      "53300",
      "57014",
      "08006",
      "40P01",
    ]
  ) {
    assert.equal(kindOf(500, code), "unavailable", code);
  }
});

Deno.test("an unavailable database says when to try again", () => {
  const error = translateFailure("leasing jobs", {
    status: 503,
    code: "",
    message: "",
  });
  assert.equal(error.retryAfterMs, UNAVAILABLE_RETRY_MS);
  assert.equal(error.status, 503);
});

Deno.test("data that a column cannot hold is the caller's", () => {
  assert.equal(kindOf(400, "22P05", "unsupported Unicode escape sequence"), "invalid");
  assert.equal(kindOf(400, "22P02"), "invalid");
});

Deno.test("a function that the database does not have yet is unavailable, and the message says what to do", () => {
  for (const code of ["PGRST202", "42883"]) {
    const error = translateFailure("calling lease_jobs", { status: 404, code, message: "" });
    assert.equal(error.kind, "unavailable", code);
    assert.match(error.message, /^calling lease_jobs: .*older than this code.*supabase db push/);
  }
});

Deno.test("anything else is a bug, and its text stays in the cause", () => {
  const error = translateFailure("leasing jobs", {
    status: 400,
    code: "42703",
    message: "column q.priority does not exist",
  });
  assert.equal(error.kind, "internal");
  assert.equal(error.message, "leasing jobs: failed with code 42703");
  assert.match((error.cause as Error).message, /does not exist/);
});
