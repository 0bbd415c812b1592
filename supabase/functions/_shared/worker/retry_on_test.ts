import assert from "node:assert/strict";
import type { JobResult } from "../database/rows.ts";
import { applyRetryOn } from "./retry_on.ts";

type Result = Pick<JobResult, "outcome" | "error_class">;

const judge = (outcome: Result["outcome"], error_class: Result["error_class"]) =>
  applyRetryOn<Result>({ outcome, error_class }, ["network", "http_4xx", "agent_error"]).outcome;

Deno.test("without a choice of its own a step follows the agent contract", () => {
  const result: Result = { outcome: "retry", error_class: "http_5xx" };
  assert.equal(applyRetryOn(result, undefined), result);
});

Deno.test("classes that are listed are tried again, also those that the contract ends", () => {
  assert.equal(judge("retry", "network"), "retry");
  assert.equal(judge("dead", "http_4xx"), "retry");
  assert.equal(judge("dead", "agent_error"), "retry");
});

Deno.test("classes that are not listed end the step at once", () => {
  assert.equal(judge("retry", "timeout"), "dead");
  assert.equal(judge("retry", "http_5xx"), "dead");
  assert.equal(judge("retry", "rate_limited"), "dead");
  assert.equal(judge("dead", "invalid_response"), "dead");
});

Deno.test("a lost lease and a call in progress are always tried again", () => {
  assert.equal(judge("retry", "lease_expired"), "retry");
  assert.equal(judge("retry", "in_progress"), "retry");
});

Deno.test("what no file can name keeps its outcome", () => {
  assert.equal(judge("dead", "internal"), "dead");
  assert.equal(judge("dead", "output_too_large"), "dead");
  assert.equal(judge("success", undefined), "success");
});
