// Files that are too large, too deep or wrong from end to end are refused in time, and the largest
// ones that are right compile. Times are those of this process: other programs do not count.
import assert from "node:assert/strict";
import process from "node:process";
import { readSettings } from "../contract/settings.ts";
import { type CompileResult, compileWorkflow } from "./compile.ts";
import { MAX_PROBLEMS } from "./problems.ts";

const settings = readSettings(() => undefined, {});
const MAX_BYTES = 2_097_152;

/** Compiles a text within a time; a machine that tests run on may be slow, an attack takes minutes. */
function compileWithin(ms: number, source: string, templates?: ReadonlyMap<string, string>) {
  const before = process.cpuUsage();
  const result: CompileResult = compileWorkflow(source, { settings, templates });
  const { user } = process.cpuUsage(before);
  assert.ok(user / 1_000 < ms, `took ${Math.round(user / 1_000)} ms of ${ms} ms`);
  return result;
}

function refuseWithin(ms: number, source: string, message: RegExp): void {
  const result = compileWithin(ms, source);
  assert.ok(!result.ok, "the text was accepted");
  assert.ok(result.problems.length <= MAX_PROBLEMS + 1);
  assert.ok(
    result.problems.some((problem) => message.test(problem.message)),
    result.problems.slice(0, 3).map((problem) => problem.message).join("\n"),
  );
}

/** A text of (nearly) the largest size that is allowed. */
const fill = (piece: string, head = "") =>
  head + piece.repeat(Math.floor((MAX_BYTES - head.length) / piece.length));

Deno.test("a file of 3 MiB is refused at once", () => {
  refuseWithin(50, "# ".repeat(1_572_864), /at least 3145728 bytes, more than the 2097152 allowed/);
});

const ERRORS: [string, string][] = [
  ["open brackets", fill("[")],
  ["open braces", fill("{")],
  ["open braces with keys", fill("{a: ")],
  ["closing brackets", fill("]")],
  ["brackets behind each other", fill("[] ")],
  ["commas in a list", fill(",", "[")],
  ["commas in a map", fill(",", "{")],
  ["question marks", fill("? ")],
  ["dashes", fill("- ")],
  ["quotes", fill('"')],
  ["quoted texts behind each other", fill('"a" ')],
  ["quotes that stay open", fill("a: '\n")],
  ["escapes that do not exist", fill("\\q", 'a: "')],
  ["tabs for indentation", fill("\ta: b\n", "a:\n")],
  ["colons", fill("a: ")],
  ["anchors", fill("&a ")],
  ["tags", fill("!a ")],
  ["aliases", fill("*a ")],
  ["directives", fill("%a\n")],
  ["tag directives", fill("%TAG ! a\n")],
  ["documents", fill("---\n")],
  ["ends of documents", fill("...\n")],
  ["lists in lists that stay open", fill("- [\n")],
  ["maps that stay open", fill("a: {\n")],
  ["reserved characters", fill("@\n")],
  ["empty lines", fill("\n")],
  ["comments", fill("#\n")],
];

for (const [name, source] of ERRORS) {
  Deno.test(`2 MiB of ${name} are refused within a second or two`, () => {
    refuseWithin(2_000, source, /./);
  });
}

Deno.test("as many mistakes as there are parts allowed are refused as fast", () => {
  for (const piece of ['"a" ', "&a ", "*a ", "- !!x\n", "? a\n", "a: '\n", "\ta: b\n", "[] "]) {
    refuseWithin(3_000, piece.repeat(100_000), /./);
  }
});

Deno.test("100,000 lists inside each other are refused, closed or not", () => {
  refuseWithin(500, "[".repeat(100_000), /nested too deeply/);
  refuseWithin(500, `key: ${"[".repeat(100_000)}${"]".repeat(100_000)}`, /nested too deeply/);
  refuseWithin(500, "- ".repeat(100_000), /nested too deeply/);
  const steps = Array.from({ length: 1_500 }, (_, depth) => `${" ".repeat(depth)}a:\n`).join("");
  refuseWithin(2_000, steps, /nested too deeply/);
});

Deno.test("a bomb of aliases never goes off", () => {
  const lines = ["a: &a [x, x, x, x, x, x, x, x, x]"];
  for (let level = 1; level < 26; level++) {
    const name = String.fromCharCode(97 + level);
    const last = String.fromCharCode(96 + level);
    lines.push(`${name}: &${name} [${Array(9).fill(`*${last}`).join(", ")}]`);
  }
  refuseWithin(500, lines.join("\n"), /aliases are not allowed/);
});

Deno.test("5,001 steps are refused, and so are more by templates or in on_failure", () => {
  const step = (index: number) => `  - { id: s${index}, call: /a }\n`;
  const steps = (count: number) =>
    Array.from({ length: count }, (_, index) => step(index)).join("");
  const head = "key: a\ntrigger: { type: manual }\nsteps:\n";
  refuseWithin(4_000, head + steps(5_001), /at most 5000, got 5001/);
  refuseWithin(
    4_000,
    `${head}${steps(5_000)}on_failure:\n  - { id: h, call: /a }\n`,
    /has 5001 steps/,
  );
  const template = `template: many\nsteps:\n${
    Array.from({ length: 500 }, (_, index) =>
      `  - { id: t${index}, call: /a, depends_on: [${index === 0 ? "" : `t${index - 1}`}] }\n`)
      .join("")
  }`;
  const uses = Array.from({ length: 11 }, (_, index) => `  - { id: s${index}, use: many }\n`).join(
    "",
  );
  const result = compileWithin(4_000, head + uses, new Map([["many", template]]));
  assert.ok(!result.ok);
  assert.match(
    result.problems[0].message,
    /has 5500 steps with those of on_failure and of templates/,
  );
});

Deno.test("arguments are not multiplied without end", () => {
  const template = `template: many\ninputs: { type: object, properties: { x: {} } }\nsteps:\n${
    Array.from({ length: 100 }, (_, index) =>
      `  - { id: t${index}, call: /a, depends_on: [${index === 0 ? "" : `t${index - 1}`}] }\n`)
      .join("")
  }`;
  const source =
    `key: a\ntrigger: { type: manual }\nsteps:\n  - id: s\n    use: many\n    with: { x: "${
      "x".repeat(100_000)
    }" }\n`;
  const result = compileWithin(2_000, source, new Map([["many", template]]));
  assert.ok(!result.ok);
  assert.match(result.problems[0].message, /the arguments of templates have \d+ characters/);
});

Deno.test("chains and crowds of else do not grow without end", () => {
  const head = "key: a\ntrigger: { type: manual }\nsteps:\n  - { id: s0, call: /a, if: 'true' }\n";
  const chain = Array.from(
    { length: 4_000 },
    (_, index) => `  - { id: s${index + 1}, call: /a, if: 'true', else_of: s${index} }\n`,
  );
  refuseWithin(5_000, head + chain.join(""), /at most 50 links/);
  const roots = Array.from({ length: 2_400 }, (_, index) => `  - { id: r${index}, call: /a }\n`);
  const all = Array.from({ length: 2_400 }, (_, index) => `r${index}`).join(", ");
  const crowd = Array.from(
    { length: 2_400 },
    (_, index) => `  - { id: e${index}, call: /a, else_of: x }\n`,
  );
  const join = `  - { id: x, call: /a, if: 'true', depends_on: [${all}] }\n`;
  refuseWithin(
    5_000,
    head + roots.join("") + join + crowd.join(""),
    /more than 100000 dependencies/,
  );
});

Deno.test("50 steps with expressions of 10,000 characters are checked in time, longer ones are refused", () => {
  const write = (text: string) =>
    `key: a\ntrigger: { type: manual }\nsteps:\n${
      Array.from({ length: 50 }, (_, index) => `  - { id: s${index}, call: /a, if: "${text}" }\n`)
        .join("")
    }`;
  const long = `event.id == '${"x".repeat(9_980)}'`;
  assert.ok(compileWithin(1_000, write(long)).ok);
  refuseWithin(2_000, write(`event.id == '${"x".repeat(10_000)}'`), /10000 characters at most/);
  const wide = Array.from({ length: 200 }, () => "event.x").join(" || ");
  refuseWithin(2_000, write(wide.replaceAll("event.x", "event.id == 'x'")), /more than 500 parts/);
  refuseWithin(
    2_000,
    write("(".repeat(4_000)),
    /nested deeper|nested too deeply|no valid expression/,
  );
  refuseWithin(2_000, write("!".repeat(9_000) + "true"), /nested/);
});

/** 5,000 steps and some 15,000 edges. */
const EDGES = Array.from(
  { length: 5_000 },
  (_, node) =>
    [...new Set([node - 1, node - 7, Math.floor(node / 2)])].filter((other) =>
      other >= 0 && other < node
    ),
);

function writeLarge(more: (node: number, edges: number[]) => string): string {
  const steps = EDGES.map((edges, node) =>
    `  - id: s${node}\n    call: /functions/v1/agent-proxy/s${node}\n` +
    `    depends_on: [${edges.map((other) => `s${other}`).join(", ")}]\n${more(node, edges)}`
  );
  return `key: large\ntrigger: { type: manual }\nsteps:\n${steps.join("")}`;
}

Deno.test("5,000 steps with 15,000 edges compile in a second or two", () => {
  assert.ok(compileWithin(2_500, writeLarge(() => "")).ok);
});

Deno.test("5,000 steps that all name their dependencies in expressions compile in two or three", () => {
  const source = writeLarge((node, [first]) =>
    node === 0
      ? ""
      : `    if: steps.s${first}.output.ok && steps.s${Math.floor(node / 3)}.output.n > ${node}\n`
  );
  const result = compileWithin(4_000, source);
  assert.ok(result.ok);
  assert.deepEqual(result.workflow.steps[100].reads.length > 1, true);
});

Deno.test("a file of 2 MiB that is right compiles", () => {
  const filler = "x".repeat(300);
  const source = writeLarge(() => `    with: { text: "${filler}" }\n`);
  assert.ok(source.length > 1_900_000 && source.length <= MAX_BYTES, String(source.length));
  assert.ok(compileWithin(4_000, source).ok);
});
