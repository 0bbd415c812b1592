import assert from "node:assert/strict";
import { readSettings } from "../contract/settings.ts";
import { compileWorkflow } from "./compile.ts";
import { formatProblems } from "./format_problems.ts";

Deno.test("a problem is printed with place, source line, caret and near names", () => {
  const source = `key: a
trigger: { type: manual }
steps:
  - id: first
    call: /a
  - id: second
    call: /b
    depends_on: [ frist ]
`;
  const settings = readSettings(() => undefined, {});
  const result = compileWorkflow(source, { file: "workflows/a.yml", settings });
  assert.ok(!result.ok);
  assert.equal(
    formatProblems(result.problems, source),
    [
      'workflows/a.yml:8:19: unknown step "frist"',
      "    8 |     depends_on: [ frist ]",
      "      |                   ^",
      "  did you mean first?",
    ].join("\n"),
  );
});

Deno.test("a problem without place or source is its message", () => {
  assert.equal(formatProblems([{ message: "and 3 more" }]), "and 3 more");
  assert.equal(
    formatProblems([{ message: "no", file: "a.yml", line: 9, column: 1 }], "one line"),
    "a.yml:9:1: no",
  );
});

Deno.test("tabs stay in the caret's margin and carriage returns go", () => {
  assert.equal(
    formatProblems([{ message: "no", line: 1, column: 4 }], "\ta\tb\r\nc"),
    "1:4: no\n    1 | \ta\tb\n      | \t \t^",
  );
});

Deno.test("a long line is cut around the caret", () => {
  const source = "x".repeat(1_000) + "y" + "x".repeat(1_000);
  const [, line, caret] = formatProblems([{ message: "no", line: 1, column: 1_001 }], source)
    .split("\n");
  assert.ok(line.length < 140);
  assert.equal(line[caret.indexOf("^")], "y");
});

Deno.test("problems are separated by line breaks only", () => {
  assert.equal(formatProblems([{ message: "a" }, { message: "b" }]), "a\nb");
});
