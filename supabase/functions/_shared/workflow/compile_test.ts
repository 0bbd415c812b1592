import assert from "node:assert/strict";
import fc from "fast-check";
import { readSettings } from "../contract/settings.ts";
import type { CompiledWorkflow } from "../contract/compiled_workflow.ts";
import { compileWorkflow } from "./compile.ts";

const settings = readSettings(() => undefined, {});

function compile(source: string): CompiledWorkflow {
  const result = compileWorkflow(source, { settings });
  assert.ok(result.ok, JSON.stringify(result));
  return result.workflow;
}

function readWorkflow(name: string): string {
  return Deno.readTextFileSync(new URL(`../../../../workflows/${name}`, import.meta.url));
}

Deno.test("daily_instructor_v1 compiles with every default filled in", () => {
  const { steps, ...head } = compile(readWorkflow("daily_instructor_v1.yml"));
  assert.deepEqual(head, {
    key: "daily_instructor_v1",
    description: null,
    trigger: {
      type: "cron_or_event",
      event_types: ["streak_ping", "user_start_day"],
      cron: "0 7 * * *",
      timezone: "UTC",
      catch_up: "none",
    },
    inputs: null,
    timeout_ms: null,
  });
  assert.deepEqual(steps[0], {
    step_no: 1,
    step_id: "gather_signals",
    kind: "call",
    phase: "main",
    agent: "snapshot",
    config: { call: "/functions/v1/agent-proxy/snapshot", method: "GET", timeout_ms: 8_000 },
    max_attempts: 5,
    retry_initial_ms: 1_000,
    retry_max_ms: 60_000,
    retry_jitter: true,
    depends_on: [],
    dependents: [2],
    reads: [],
    is_sink: false,
    is_result: false,
    join_rule: null,
    join_min: null,
    continue_on_error: false,
    rate_limit: null,
    compensates: null,
  });
  assert.deepEqual(
    steps.map(({ step_id, agent, config, is_sink }) => [
      step_id,
      agent,
      config.method,
      config.timeout_ms,
      is_sink,
    ]),
    [
      ["gather_signals", "snapshot", "GET", 8_000, false],
      ["create_plan", "instructor", "POST", 15_000, false],
      ["notify", "notify", "POST", 15_000, true],
    ],
  );
});

Deno.test("weekly_seed_v1 fans out from one step and in to one", () => {
  const { trigger, steps } = compile(readWorkflow("weekly_seed_v1.yml"));
  assert.equal(trigger.cron, "0 18 * * SUN");
  assert.deepEqual(trigger.event_types, []);
  assert.deepEqual(
    steps.map((step) => [step.step_id, step.agent, step.depends_on, step.dependents]),
    [
      ["clo_begin_week", "clo", [], [2, 3]],
      ["ta_generate_week", "ta", [1], [4]],
      ["socratic_seed", "socratic", [1], [4]],
      ["brand_ingest", "brand", [2, 3], []],
    ],
  );
  assert.ok(steps.every((step) => step.config.method === "POST"));
});

Deno.test("steps may stand in any order in the file", () => {
  const { steps } = compile(`
key: any_order
trigger: { type: manual }
steps:
  - { id: last, call: /c, depends_on: [middle, first] }
  - { id: middle, call: /b, depends_on: [first] }
  - { id: first, call: /a }
`);
  assert.deepEqual(steps.map((step) => step.step_id), ["first", "middle", "last"]);
  assert.deepEqual(steps[2].depends_on, [1, 2]);
});

Deno.test("defaults and limits come from the settings", () => {
  const changed = readSettings(() => undefined, {
    max_attempts: 2,
    step_timeout_ms: 900,
    retry_initial_ms: 5,
    retry_max_ms: 6,
    allowed_agent_hosts: "agents.example.com",
  });
  const source =
    "key: a\ntrigger: { type: manual }\nsteps: [{ id: a, call: 'https://agents.example.com/x' }]";
  const result = compileWorkflow(source, { settings: changed });
  assert.ok(result.ok);
  const [step] = result.workflow.steps;
  assert.deepEqual(
    [
      step.max_attempts,
      step.config.timeout_ms,
      step.retry_initial_ms,
      step.retry_max_ms,
      step.agent,
    ],
    [2, 900, 5, 6, "agents.example.com"],
  );
  assert.equal(compileWorkflow(source, { settings }).ok, false);
});

Deno.test("user time zones, catch-up, JSON text, a byte order mark and CRLF are accepted", () => {
  const source = '\uFEFF{"key":"json_too","description":"Said in JSON.","trigger":' +
    '{"type":"cron","cron":"30 2 * * 1-5","timezone":"user","catch_up":"last"},\r\n' +
    '"steps":[{"id":"a","call":"/a"}]}\r\n';
  const workflow = compile(source);
  assert.equal(workflow.description, "Said in JSON.");
  assert.deepEqual(workflow.trigger, {
    type: "cron",
    event_types: [],
    cron: "30 2 * * 1-5",
    timezone: "user",
    catch_up: "last",
  });
});

/** A workflow file with the given dependencies, steps named s0, s1 … */
function writeWorkflow(dependencies: readonly (readonly number[])[]): string {
  const steps = dependencies.map((list, index) =>
    `  - id: s${index}\n    call: /functions/v1/agent-proxy/s${index}\n` +
    `    depends_on: [${list.map((node) => `s${node}`).join(", ")}]\n`
  );
  return `key: generated\ntrigger: { type: manual }\nsteps:\n${steps.join("")}`;
}

Deno.test("a compiled random graph is in topological order with symmetric edges", () => {
  const edges = fc.integer({ min: 1, max: 60 }).chain((size) =>
    fc.tuple(
      ...Array.from({ length: size }, (_, node) =>
        node === 0
          ? fc.constant<number[]>([])
          : fc.uniqueArray(fc.nat(node - 1), { maxLength: 4 })),
    )
  );
  fc.assert(
    fc.property(edges, fc.boolean(), (dependencies, isReversed) => {
      const last = dependencies.length - 1;
      const written = isReversed
        ? dependencies.toReversed().map((list) => list.map((node) => last - node))
        : dependencies;
      const { steps } = compile(writeWorkflow(written));
      const byNo = new Map(steps.map((step) => [step.step_no, step]));
      assert.deepEqual(steps.map((step) => step.step_no), steps.map((_, index) => index + 1));
      for (const step of steps) {
        const wanted = written[Number(step.step_id.slice(1))].map((node) => `s${node}`);
        const found = step.depends_on.map((no) => byNo.get(no)!.step_id);
        assert.deepEqual(found.toSorted(), wanted.toSorted());
        assert.ok(step.depends_on.every((no) => no < step.step_no));
        assert.ok(step.dependents.every((no) => byNo.get(no)!.depends_on.includes(step.step_no)));
        assert.ok(step.depends_on.every((no) => byNo.get(no)!.dependents.includes(step.step_no)));
        assert.equal(step.is_sink, step.dependents.length === 0);
      }
    }),
    { numRuns: 60 },
  );
});

Deno.test("5,000 steps with some 15,000 edges compile, one more step does not", () => {
  const dependencies = Array.from(
    { length: 5_000 },
    (_, node) =>
      [...new Set([node - 1, node - 7, Math.floor(node / 2)])].filter((other) =>
        other >= 0 && other < node
      ),
  );
  const { steps } = compile(writeWorkflow(dependencies));
  assert.equal(steps.length, 5_000);
  assert.ok(dependencies.flat().length > 14_900);
  assert.equal(steps[4_999].dependents.length, 0);
  const result = compileWorkflow(writeWorkflow([...dependencies, []]), { settings });
  assert.ok(!result.ok);
  assert.match(result.problems[0].message, /at most 5000, got 5001/);
});

Deno.test("a workflow is public where its file says so, and compiled as before where it does not", () => {
  const file = {
    key: "a",
    inputs: { type: "object" },
    trigger: { type: "manual" },
    steps: [{ id: "a", call: "/a" }],
  };
  const find = (more: object) => compile(JSON.stringify({ ...file, ...more }));
  assert.equal(find({ public: true }).public, true);
  assert.deepEqual(find({ public: false }), find({}));
  assert.equal("public" in find({}), false);
});
