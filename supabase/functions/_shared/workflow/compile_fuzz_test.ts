// Whatever the text, the compiler answers: it never throws, and every problem lies within the text.
import assert from "node:assert/strict";
import fc from "fast-check";
import type { z } from "zod";
import { readSettings } from "../contract/settings.ts";
import { workflowFile } from "../contract/workflow_file.ts";
import { compileWorkflow } from "./compile.ts";
import { formatProblems } from "./format_problems.ts";

const settings = readSettings(() => undefined, {});

function checkAnswer(source: string, templates?: ReadonlyMap<string, string>): boolean {
  const result = compileWorkflow(source, { file: "fuzz.yml", settings, templates });
  if (result.ok) return true;
  assert.ok(result.problems.length > 0);
  // A lone carriage return is no line break to the YAML parser.
  const lines = source.split("\n");
  for (const { file, line, column, message } of result.problems) {
    assert.ok(message.length > 0 && message.length < 2_000);
    if (line === undefined || file !== "fuzz.yml") continue;
    assert.ok(line >= 1 && line <= lines.length, `line ${line}`);
    assert.ok(column !== undefined && column >= 1 && column <= lines[line - 1].length + 1);
  }
  assert.ok(formatProblems(result.problems, source).length > 0);
  return false;
}

const SAMPLE = ["daily_instructor_v1.yml", "weekly_seed_v1.yml"].map((name) =>
  Deno.readTextFileSync(new URL(`../../../../workflows/${name}`, import.meta.url))
);

Deno.test("any text gets an answer", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
      checkAnswer(text);
    }),
    { numRuns: 500 },
  );
});

Deno.test("any pile of YAML's own signs gets an answer", () => {
  const sign = fc.constantFrom(
    ..."{}[],:?-&*!|>'\"%@`# \n\t\r0~a",
    "---\n",
    "...\n",
    "<<: ",
    "!!str ",
    "&x ",
    "*x ",
    "\u0000",
    "\ud800",
    "\uFEFF",
    "steps:\n",
    "  - id: a\n",
    "key: a\n",
    "trigger: { type: cron, cron: ",
    "depends_on: [",
  );
  fc.assert(
    fc.property(fc.array(sign, { maxLength: 60 }), (signs) => {
      checkAnswer(signs.join(""));
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("a valid file with any cut, insertion or swap gets an answer", () => {
  const change = fc.tuple(fc.nat(700), fc.nat(20), fc.string({ unit: "binary", maxLength: 6 }));
  fc.assert(
    fc.property(fc.constantFrom(...SAMPLE), fc.array(change, { maxLength: 4 }), (text, changes) => {
      for (const [at, length, insert] of changes) {
        text = text.slice(0, at) + insert + text.slice(at + length);
      }
      checkAnswer(text);
    }),
    { numRuns: 1_500 },
  );
});

Deno.test("any data in a workflow's places gets an answer", () => {
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom("a", "b", "/a", "0 7 * * *"),
  );
  const step = fc.record({ id: value, call: value, depends_on: value }, { requiredKeys: [] });
  const file = fc.record({
    key: value,
    trigger: fc.oneof(value, fc.record({ type: value, cron: value, timezone: value })),
    steps: fc.oneof(value, fc.array(fc.oneof(step, value), { maxLength: 5 })),
  }, { requiredKeys: [] });
  fc.assert(fc.property(file, (data) => void checkAnswer(JSON.stringify(data))), {
    numRuns: 1_000,
  });
});

Deno.test("any data in any key of the language gets an answer", () => {
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom<unknown>(
      "a",
      "b",
      "/a",
      "10m",
      "steps.a.output",
      "${{ steps.b.output }}",
      "any",
    ),
    fc.constantFrom<unknown>(["a"], { at_least: 1 }, { call: "/a" }, { event: "e" }, true, 1),
    fc.constantFrom<unknown>({ type: "object" }, { properties: { a: { default: 1 } } }, {
      key: "1",
    }),
  );
  const keysOf = (schema: z.ZodObject) =>
    Object.fromEntries(
      Object.keys(schema.shape).map((key) => [key, value]),
    );
  const element = workflowFile.shape.steps.element;
  const step = fc.record({ ...keysOf(element), id: fc.constantFrom("a", "b", "c") }, {
    requiredKeys: ["id"],
  });
  const steps = fc.array(step, { maxLength: 4 });
  const trigger = fc.record(keysOf(workflowFile.shape.trigger), { requiredKeys: [] });
  const file = fc.record({ ...keysOf(workflowFile), trigger, steps, on_failure: steps }, {
    requiredKeys: ["steps"],
  });
  fc.assert(
    fc.property(
      file,
      fc.record({ template: fc.constant("a"), inputs: value, steps }),
      (data, template) => {
        checkAnswer(JSON.stringify(data), new Map([["a", JSON.stringify(template)]]));
      },
    ),
    { numRuns: 400 },
  );
});

Deno.test("the seed's files are among the accepted texts", () => {
  assert.ok(SAMPLE.every((source) => checkAnswer(source)));
});
