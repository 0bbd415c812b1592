import assert from "node:assert/strict";
import { z } from "zod";
import { type ErrorKind, HTTP_STATUS_OF_KIND, OrchestratorError } from "../contract/errors.ts";
import { formatRetryAfter, methodNotAllowedResponse, problemResponse } from "./problem.ts";

Deno.test("every kind of error has its status, title and detail as problem details", async () => {
  for (const [kind, status] of Object.entries(HTTP_STATUS_OF_KIND)) {
    const response = problemResponse(
      new OrchestratorError(kind as ErrorKind, "doing: it failed"),
    );
    assert.equal(response.status, status);
    assert.equal(
      response.headers.get("content-type"),
      "application/problem+json",
    );
    const body = await response.json();
    assert.equal(body.type, "about:blank");
    assert.equal(body.status, status);
    assert.equal(body.kind, kind);
    assert.ok(body.title.length > 0);
    if (kind !== "internal") assert.equal(body.detail, "doing: it failed");
  }
});

Deno.test("problems name their fields, and the request's id goes along", async () => {
  const problems = [{
    path: "user_id",
    message: "expected a string",
    near: ["user"],
  }];
  const error = new OrchestratorError("invalid", "reading the body", {
    problems,
  });
  const body = await problemResponse(error, "request-1").json();
  assert.deepEqual(body.problems, problems);
  assert.equal(body.request_id, "request-1");
});

Deno.test("an unknown error tells nothing of itself", async () => {
  const thrown = [
    new Error("password=hunter2 at db.internal"),
    "password=hunter2",
    new OrchestratorError("internal", "password=hunter2", {
      problems: [{ message: "hunter2" }],
      cause: new Error("hunter2"),
    }),
  ];
  for (const error of thrown) {
    const response = problemResponse(error);
    assert.equal(response.status, 500);
    assert.equal((await response.text()).includes("hunter2"), false);
  }
});

Deno.test("a zod error that was not caught is the caller's bad input", async () => {
  const { error } = z.object({ a: z.object({ b: z.string() }) }).safeParse({
    a: {},
  });
  const response = problemResponse(error);
  assert.equal(response.status, 400);
  assert.equal((await response.json()).problems[0].path, "a.b");
});

Deno.test("what passes by itself says when to come back", async () => {
  const away = problemResponse(
    new OrchestratorError("unavailable", "x", { retryAfterMs: 2_100 }),
  );
  assert.equal(away.headers.get("retry-after"), "3");
  assert.equal((await away.json()).retry_after_ms, 2_100);
  const limited = problemResponse(new OrchestratorError("rate_limited", "x"));
  assert.equal(limited.headers.get("retry-after"), "1");
  const conflict = problemResponse(new OrchestratorError("conflict", "x"));
  assert.equal(conflict.headers.get("retry-after"), null);
  assert.equal(formatRetryAfter(1), "1");
});

Deno.test("401 says how to authenticate, 405 what is allowed", () => {
  const refused = problemResponse(new OrchestratorError("unauthorized", "x"));
  assert.match(refused.headers.get("www-authenticate") ?? "", /^Bearer /);
  const forbidden = problemResponse(new OrchestratorError("forbidden", "x"));
  assert.equal(forbidden.headers.get("www-authenticate"), null);
  const method = methodNotAllowedResponse("x", ["GET", "POST"]);
  assert.equal(method.status, 405);
  assert.equal(method.headers.get("allow"), "GET, POST");
});
