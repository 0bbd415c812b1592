// docs/workflows.md says what is so: its snippets compile, or are refused with the words that it gives,
// its expressions answer what it says, its outputs are what the commands print. UPDATE_DOCS=1 writes the
// outputs anew.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { simulate } from "../../scripts/simulate/mod.ts";
import { readSettings } from "../../supabase/functions/_shared/contract/settings.ts";
import {
  MAX_APPENDED_STEPS,
  MAX_ITEMS,
  MAX_STEP_TIMEOUT_MS,
  MAX_STEPS,
  NAME_PATTERN,
  workflowFile,
} from "../../supabase/functions/_shared/contract/workflow_file.ts";
import { evaluateExpression } from "../../supabase/functions/_shared/expression/evaluate.ts";
import {
  FUNCTIONS,
  LIST_MACROS,
  METHODS,
  NAMESPACES,
  OPTIONAL_MACROS,
} from "../../supabase/functions/_shared/expression/functions.ts";
import * as limits from "../../supabase/functions/_shared/expression/limits.ts";
import {
  checkTemplateFile,
  compileWorkflow,
} from "../../supabase/functions/_shared/workflow/compile.ts";
import { MAX_ELSE_CHAIN } from "../../supabase/functions/_shared/workflow/else_of.ts";
import { formatProblems } from "../../supabase/functions/_shared/workflow/format_problems.ts";
import { copyProject } from "../lifecycle/command.ts";
import { type Block, readBlocks, readMark, readTable, replaceBlock } from "./document.ts";

const ROOT = new URL("../../", import.meta.url);
const DOCUMENT = new URL("docs/workflows.md", ROOT);
const text = await Deno.readTextFile(DOCUMENT);
const blocks = readBlocks(text);
const settings = readSettings(() => undefined, {});

const ofLanguage = (language: string) => blocks.filter((block) => block.language === language);
const snippets = ofLanguage("yaml").filter(({ marks }) => !marks.includes("script"));
const frame = snippets.find(({ marks }) => marks.includes("frame"))!;

const templates = new Map(
  snippets.flatMap((block) => {
    const name = /^template: (.*)$/m.exec(block.text)?.[1];
    return name === undefined ? [] : [[name, block.text] as const];
  }),
);

/** The whole file of a snippet. */
function completeFile({ text }: Block): string {
  if (/^key:/m.test(text)) return text;
  if (text.startsWith("- ")) return frame.text + text.replace(/^(?=.)/gm, "  ");
  return completeTopLevel(text);
}

/** The keys of the frame that the snippet does not have, behind the snippet. */
function completeTopLevel(text: string): string {
  const parts = frame.text.split(/^(?=\w)/m);
  const missing = parts.filter((part) => {
    const key = part.split(":")[0];
    return !new RegExp(`^${key}:`, "m").test(text);
  });
  return text + missing.join("");
}

function findProblems(block: Block): string {
  if (block.text.startsWith("template:")) {
    return formatProblems(checkTemplateFile(block.text, { settings }));
  }
  const source = completeFile(block);
  const result = compileWorkflow(source, { settings, templates });
  return result.ok ? "" : formatProblems(result.problems, source);
}

Deno.test("every snippet compiles, in its frame where it is a part of a file", () => {
  const accepted = snippets.filter((block) => readMark(block, "refused:") === null);
  assert.ok(accepted.length >= 25, `found ${accepted.length}`);
  for (const block of accepted) {
    const problems = findProblems(block);
    assert.equal(problems, "", `the snippet at line ${block.line}:\n${problems}`);
  }
});

Deno.test("a snippet that is meant to be wrong is refused for the reason that stands above it", () => {
  const refused = snippets.filter((block) => readMark(block, "refused:") !== null);
  assert.ok(refused.length >= 8, `found ${refused.length}`);
  for (const block of refused) {
    const problems = findProblems(block);
    const expected = readMark(block, "refused:")!;
    assert.ok(
      problems.includes(expected),
      `line ${block.line}, expected ${expected}:\n${problems}`,
    );
  }
});

Deno.test("every key of a workflow file is explained", () => {
  const keys = new Set<string>();
  const collect = (schema: unknown) => {
    if (typeof schema !== "object" || schema === null) return;
    for (const [key, value] of Object.entries(schema)) {
      if (key === "properties") Object.keys(value).forEach((name) => keys.add(name));
      collect(value);
    }
  };
  collect(workflowFile.toJSONSchema());
  const words = new Set(text.match(/\w+/g));
  for (const key of keys) assert.ok(words.has(key), key);
  assert.ok(keys.size > 40, `found ${keys.size}`);
});

Deno.test("every expression answers what the table says", () => {
  const read = (before: RegExp) => JSON.parse(before.exec(text)![1]);
  const context = {
    inputs: read(/^With `inputs` = `(.*?)`/m),
    steps: { find: { status: "success", output: read(/^`(\{"contacts".*)`:$/m) } },
  };
  const rows = readTable(text, "expressions");
  assert.ok(rows.length > 20);
  for (const [cell, answer] of rows) {
    const source = cell.slice(1, -1);
    if (answer.startsWith("fails: ")) {
      assert.throws(
        () => evaluateExpression(source, context),
        (error: Error) => error.message.includes(answer.slice("fails: ".length)),
        source,
      );
    } else {
      const value = evaluateExpression(source, context);
      assert.deepEqual(value, JSON.parse(answer.slice(1, -1)), source);
    }
  }
});

Deno.test("every function of expressions is named", () => {
  const members = [...NAMESPACES].flatMap(([space, names]) =>
    [...names.keys()].map((name) => `${space}.${name}`)
  );
  const names = [FUNCTIONS, METHODS, LIST_MACROS, OPTIONAL_MACROS].flatMap((it) => [...it.keys()]);
  assert.ok(names.length > 30);
  for (const name of [...names, ...members]) {
    assert.match(text, new RegExp(`\`${name}[\`(]`), name);
  }
});

Deno.test("every join does what its truth table says", async () => {
  const joins: [name: string, join: string][] = [
    ["default", ""],
    ["all_success", "join: all_success"],
    ["none_failed", "join: none_failed"],
    ["any_success", "join: any_success"],
    ["at_least", "join: { at_least: 2 }"],
    ["all_done", "join: all_done"],
  ];
  const call = "call: /functions/v1/agent-proxy/noop";
  const rows = readTable(text, "joins");
  const pairs = rows.map(([cell]) => cell.split(", "));
  const ends = [0, 1].flatMap((n) => [
    `{ id: success${n}, ${call} }`,
    `{ id: skipped${n}, if: "false", ${call} }`,
    `{ id: failed${n}, ${call} }`,
  ]);
  const joined = pairs.flatMap(([a, b], row) =>
    joins.map(([name, join]) =>
      `{ id: ${name}-${row}, depends_on: [${a}0, ${b}1], ${join === "" ? "" : `${join}, `}${call} }`
    )
  );
  const steps = [...ends, ...joined].map((step) => `  - ${step}\n`).join("");
  const run = await simulate({
    source: `key: joins_v1\ntrigger: { type: manual }\nsteps:\n${steps}`,
    agents: { failed0: { fail: "http_400" }, failed1: { fail: "http_400" } },
  });
  for (const [row, [cell, ...expected]] of rows.entries()) {
    const found = joins.map(([name]) =>
      run.steps[`${name}-${row}`].status === "success" ? "runs" : "skipped"
    );
    assert.deepEqual(found, expected, cell);
  }
});

Deno.test("the limits are those of the code", () => {
  const kib = settings.outputInlineMaxBytes / 1024;
  const mib = (bytes: number) => bytes / 1024 / 1024;
  const expected: Record<string, string> = {
    "A workflow file": `${mib(settings.workflowMaxBytes)} MiB, ${write(MAX_STEPS)} steps`,
    "Items of a fan-out": write(MAX_ITEMS),
    "Items that a macro or `in` goes through": write(limits.MAX_ITEMS),
    "An expression":
      `${write(limits.MAX_EXPRESSION_CHARS)} characters, ${limits.MAX_NODES} parts, ` +
      `${limits.MAX_DEPTH} levels, one macro inside another`,
    "One attempt": `${MAX_STEP_TIMEOUT_MS / 1000} s`,
    "Attempts": "100",
    "A duration": "365 days",
    "An output": `${mib(settings.outputMaxBytes)} MiB; up to ${kib} KiB in the database`,
    "Steps appended at a time": `${MAX_APPENDED_STEPS}, three deep`,
    "Nested runs": "10",
    "`else_of` in a row": String(MAX_ELSE_CHAIN),
  };
  assert.deepEqual(Object.fromEntries(readTable(text, "limits")), expected);
  assert.equal(limits.MAX_MACRO_DEPTH, 2);
  assert.ok(NAME_PATTERN.test("a".repeat(63)) && !NAME_PATTERN.test("a".repeat(64)));
});

function write(number: number): string {
  return number.toLocaleString("en-US");
}

Deno.test("the defaults of steps are those of the code", () => {
  const { stepTimeoutMs, maxAttempts, retryInitialMs, retryMaxMs, callbackTimeoutMs } = settings;
  for (
    const line of [
      `| \`timeout_ms\` | ${stepTimeoutMs} | ${MAX_STEP_TIMEOUT_MS} |`,
      `| \`max_attempts\` | ${maxAttempts} |`,
      `| \`initial\` | ${retryInitialMs / 1000} s |`,
      `| \`max\` | ${retryMaxMs / 1000} s |`,
      `| \`callback_timeout\` | ${callbackTimeoutMs / 3_600_000} h |`,
    ]
  ) assert.ok(text.includes(`\n${line}`), line);
});

Deno.test("every output and picture is what the command prints", async () => {
  const project = await copyProject();
  try {
    for (const block of blocks) {
      const file = readMark(block, "file:");
      if (file === null) continue;
      // Templates and the first workflow are where their files are read from.
      const isTemplate = file.startsWith("templates/");
      await Deno.writeTextFile(
        `${project.root}/${isTemplate ? "workflows/" : ""}${file}`,
        block.text,
      );
    }
    const { tasks } = JSON.parse(await Deno.readTextFile(`${project.root}/deno.json`));
    const commands = blocks.filter((block) => readMark(block, "$") !== null);
    assert.ok(commands.length >= 5, `found ${commands.length}`);
    let written = text;
    for (const block of commands.toReversed()) {
      const [task, ...args] = readMark(block, "$")!.split(" ");
      const script = /scripts\/(\S+\.ts)/.exec(tasks[task].command)![1];
      const { stdout, stderr } = await project.run(script, ...args);
      // A picture goes to a file or a pipe; what is said about the file does not.
      const all = block.language === "mermaid" ? stdout : stdout + stderr;
      const printed = all.replaceAll(/ +$/gm, "").trim() + "\n";
      if (Deno.env.has("UPDATE_DOCS")) written = replaceBlock(written, block, printed);
      else assert.equal(block.text, printed, `line ${block.line}: ${readMark(block, "$")}`);
    }
    if (written !== text) await Deno.writeTextFile(DOCUMENT, written);
  } finally {
    await project.remove();
  }
});

Deno.test("the TypeScript of the page type-checks, and its test passes", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const [agent, test] = await Promise.all(
      ofLanguage("ts").map(async ({ text }, index) => {
        const source = text
          .replaceAll('"../_shared/', `"${new URL("supabase/functions/_shared/", ROOT)}`)
          .replaceAll('"../scripts/', `"${new URL("scripts/", ROOT)}`);
        const file = `${folder}/snippet_${index}.ts`;
        await Deno.writeTextFile(file, source);
        return file;
      }),
    );
    const config = fileURLToPath(new URL("deno.json", ROOT));
    for (const args of [["check", agent, test], ["test", "-A", "--no-check", test]]) {
      const [command, ...rest] = args;
      const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [command, "--config", config, ...rest],
        cwd: fileURLToPath(ROOT),
        env: { NO_COLOR: "1" },
      }).output();
      const said = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
      assert.ok(success, said);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("every task that the page names exists", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const named = [...text.matchAll(/(?:deno@2 |`(?:deno )?)task ([a-z][a-z:]*)/g)];
  assert.ok(named.length >= 5);
  for (const [, name] of named) assert.ok(name in tasks, name);
});

Deno.test("the steps of the planner's answer are valid steps", () => {
  const [{ text: answer }] = ofLanguage("json");
  const steps = JSON.parse(answer).steps as { id: string }[];
  const file = {
    key: "a_v1",
    trigger: { type: "manual" },
    steps: [{ id: "plan", call: "/functions/v1/agent-proxy/planner" }, ...steps],
  };
  const result = compileWorkflow(JSON.stringify(file), { settings });
  assert.ok(result.ok, JSON.stringify(result));
});

Deno.test("every route that the page names is a route", async () => {
  const folder = new URL("supabase/functions/orchestrator/routes/", ROOT);
  let sources = "";
  for await (const { name } of Deno.readDir(folder)) {
    sources += await Deno.readTextFile(new URL(name, folder));
  }
  const routes = [...sources.matchAll(/router\.(get|post)\(\s*(["`])(\/.*?)\2/g)]
    .map(([, method, , path]) => `${method.toUpperCase()} ${path.replace(/:\w+|\$\{\w+\}/g, "*")}`);
  const named = [
    ...[...text.matchAll(/`(GET|POST) (\/[\w/:]+)`/g)].map(([, method, path]) => [method, path]),
    ...[...text.matchAll(/\$API(\/[\w/<>]+)/g)].map(([, path]) => ["POST", path]),
  ];
  assert.ok(named.length > 10);
  const isRoute = (method: string, path: string) =>
    routes.some((route) => {
      const pattern = route.split("/").map((part) => part === "*" ? "[^/]+" : part).join("/");
      return new RegExp(`^${pattern}$`).test(`${method} ${path}`);
    });
  for (const [method, path] of named) assert.ok(isRoute(method, path), `${method} ${path}`);
});

Deno.test("every example is on the page, and every link of it leads somewhere", async () => {
  for await (const { name } of Deno.readDir(new URL("workflows/examples/", ROOT))) {
    assert.ok(text.includes(name), name);
  }
  for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    const [file, anchor] = target.split("#");
    const url = file === "" ? DOCUMENT : new URL(file, DOCUMENT);
    await assert.doesNotReject(Deno.stat(url), target);
    if (anchor !== undefined) {
      assert.ok(listAnchors(await Deno.readTextFile(url)).includes(anchor), target);
    }
  }
});

/** The anchors of a text's headings, as GitHub names them. */
function listAnchors(document: string): string[] {
  return [...document.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading.toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-")
  );
}

Deno.test("every workflow of the README compiles", async () => {
  const readme = readBlocks(await Deno.readTextFile(new URL("README.md", ROOT)));
  const sources = readme.filter(({ language }) => language === "yaml");
  assert.ok(sources.length >= 2);
  for (const { text: source, line } of sources) {
    const result = compileWorkflow(source, { settings });
    assert.ok(result.ok, `line ${line}: ${JSON.stringify(result)}`);
  }
});
