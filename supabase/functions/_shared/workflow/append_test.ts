import assert from "node:assert/strict";
import fc from "fast-check";
import { readSettings } from "../contract/settings.ts";
import { compileAppendedSteps } from "./append.ts";

const settings = readSettings(() => undefined, { allowed_agent_hosts: "agents.example.com" });
const existing = ["$start", "plan", "fetch", "tell.post", "tell.$if"];
const policy = { callPrefixes: ["/functions/v1/", "https://agents.example.com/v2/"] };
const call = "/functions/v1/agent-proxy/echo";

function append(steps: unknown, more: Partial<Parameters<typeof compileAppendedSteps>[1]> = {}) {
  return compileAppendedSteps(steps, { existing, settings, policy, ...more });
}

/** The problems as `path: message`; none if the plan is taken. */
function find(steps: unknown): string[] {
  const result = append(steps);
  if (result.ok) return [];
  return result.problems.map(({ path, message, near, line }) => {
    assert.equal(line, undefined);
    return `${path}: ${message}${near === undefined ? "" : ` (near: ${near})`}`;
  });
}

Deno.test("appended steps are those of a file, with ids instead of numbers", () => {
  const result = append([
    { id: "sum", call, depends_on: ["one", "two"], join: "any_success" },
    { id: "one", call, depends_on: ["plan"], if: "steps.plan.output.ok" },
    { id: "two", call, else_of: "one", with: { x: "${{ steps.plan.output.x }}" } },
  ], { defaults: { timeout_ms: 5, retry: { max_attempts: 2 } } });
  assert.ok(result.ok, JSON.stringify(result));
  assert.deepEqual(result.steps.map(({ step_id }) => step_id), ["one", "two", "sum"]);
  assert.deepEqual(result.steps[0], {
    step_id: "one",
    kind: "call",
    phase: "main",
    agent: "echo",
    config: { call, method: "POST", timeout_ms: 5, if: "steps.plan.output.ok", scoped: true },
    max_attempts: 2,
    retry_initial_ms: 1_000,
    retry_max_ms: 60_000,
    retry_jitter: true,
    depends_on: ["plan"],
    reads: ["plan"],
    // The early join does not wait for it, so the run must.
    is_sink: true,
    is_result: true,
    join_rule: null,
    join_min: null,
    continue_on_error: false,
    rate_limit: null,
  });
  const [, two, sum] = result.steps;
  assert.deepEqual([two.depends_on, two.config.unless], [["plan"], ["steps.plan.output.ok"]]);
  assert.deepEqual([sum.join_rule, sum.join_min, sum.is_sink, sum.reads], ["early", 1, true, [
    "one",
    "two",
  ]]);
});

Deno.test("an expression reads what its step names, and through siblings, but not behind that", () => {
  assert.deepEqual(
    find([
      { id: "a", call, depends_on: ["plan"] },
      { id: "b", call, depends_on: ["a"], if: "steps.plan.output.ok && steps.a.output.ok" },
    ]),
    [],
  );
  assert.deepEqual(find([{ id: "b", call, depends_on: ["plan"], if: "steps.fetch.output.ok" }]), [
    "steps[0].if: steps[0].if: steps.fetch is not a dependency of this step: add it to depends_on",
  ]);
});

Deno.test("steps of templates that the run has can be named, the compiler's own cannot", () => {
  assert.deepEqual(find([{ id: "a", call, depends_on: ["tell.post"] }]), []);
  for (const id of ["$start", "tell.$if"]) {
    assert.match(find([{ id: "a", call, depends_on: [id] }])[0], /unknown step/);
  }
});

Deno.test("every problem of a plan is told with its path", () => {
  assert.deepEqual(
    find([
      { id: "plan", call, cal: 1 },
      { id: "a", call: "/rest/v1/users", depends_on: ["fetsch"] },
      { id: "b", use: "notify", else_of: "plan" },
      { id: "c", call, compensate: { call }, else_of: "fetch" },
    ]),
    [
      'steps[0].cal: unknown key "cal" (near: call)',
      'steps[0].id: step id "plan" is taken by a step of the run',
      'steps[1].depends_on[0]: unknown step "fetsch" (near: fetch)',
      'steps[2].else_of: "plan" is a step of the run: else_of names a sibling',
      'steps[3].else_of: "fetch" is a step of the run: else_of names a sibling',
      "steps[1].call: steps[1].call must begin with /functions/v1/ or https://agents.example.com/v2/, " +
      'got "/rest/v1/users"',
      "steps[2].use: steps[2].use must not be here: appended steps use no template",
      "steps[3].compensate: steps[3].compensate must not be here: what is appended is not undone",
    ],
  );
});

Deno.test("a plan is a list of 1 to 50 steps, no larger than 256 KiB", () => {
  const steps = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ id: `s${index}`, call }));
  assert.deepEqual(find(steps(50)), []);
  assert.match(find(steps(51))[0], /steps must be a list with a length of at most 50, got 51/);
  assert.match(find([])[0], /at least 1, got 0/);
  assert.match(find("do it")[0], /steps must be a list, got "do it"/);
  assert.match(find(undefined)[0], /steps is missing|must be a list/);
  assert.match(find([{ id: "a", call, with: { x: "y".repeat(300_000) } }])[0], /at most 262144/);
});

Deno.test("a plan calls only what its prefixes allow, and never the engine", () => {
  assert.deepEqual(find([{ id: "a", call: "https://agents.example.com/v2/x" }]), []);
  for (
    const bad of [
      "https://agents.example.com/v1/x",
      "https://evil.example.com/v2/x",
      "/functions/v1/../../auth/v1/admin",
      "/functions/v1/orchestrator/dispatch",
      "/functions/v1/%6Frchestrator/dispatch",
      "/functions/v1/cron-orchestrator",
    ]
  ) assert.equal(find([{ id: "a", call: bad }]).length, 1, bad);
  const none = append([{ id: "a", call }], { policy: { callPrefixes: [] } });
  assert.ok(!none.ok);
  assert.match(none.problems[0].message, /no call may be appended/);
});

Deno.test("data that cannot be stored or are nested without end are refused", () => {
  let deep: unknown = 1;
  for (let level = 0; level < 20_000; level++) deep = [deep];
  assert.match(find([{ id: "a", call, with: { deep } }])[0], /nested too deeply/);
  assert.match(find([{ id: "a", call, with: { x: "a\0" } }])[0], /without NUL and lone surrogates/);
  assert.match(
    find(JSON.parse(`[{"id":"a","call":"${call}","with":{"__proto__":1}}]`))[0],
    /__proto__/,
  );
});

Deno.test("whatever an agent answers, it is taken or refused", () => {
  const value = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.constantFrom("a", "plan", call));
  const step = fc.record({ id: value, call: value, depends_on: value, if: value, with: value }, {
    requiredKeys: [],
  });
  fc.assert(
    fc.property(fc.oneof(value, fc.array(fc.oneof(step, value), { maxLength: 4 })), (steps) => {
      const result = append(steps);
      assert.ok(result.ok || result.problems.length > 0);
    }),
    { numRuns: 500 },
  );
});
