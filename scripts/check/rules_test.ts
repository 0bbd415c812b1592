import assert from "node:assert/strict";
import type { ImportEdge } from "./import_graph.ts";
import { checkImports } from "./import_rules.ts";
import { checkPackages, checkPins } from "./pin_rules.ts";
import { type Breach, formatReport } from "./report.ts";
import { findMissingApis, judgeNodeModule } from "./runtime_rules.ts";
import { blankComments, type SourceFile } from "./source_text.ts";
import { checkTexts } from "./text_rules.ts";

const SHARED = "supabase/functions/_shared";

function findBrokenRules(from: string, to: string, specifier = to): string[] {
  const edge: ImportEdge = { from, to, specifier, line: 3 };
  return checkImports([edge]).filter(({ breaches }) => breaches.length > 0).map(({ rule }) => rule);
}

function toSource(path: string, text: string): SourceFile {
  return { path, text, code: path.endsWith(".ts") ? blankComments(text) : text };
}

function findNamed(path: string, text: string): string[] {
  return checkTexts([toSource(path, text)]).flatMap(({ breaches }) => breaches)
    .map(({ line, message }) => `${line}: ${message}`);
}

function findApis(text: string): Breach[] {
  return findMissingApis([toSource(`${SHARED}/worker/drain.ts`, text)]);
}

Deno.test("every import across a forbidden line breaks a rule", () => {
  const breaking: [from: string, to: string][] = [
    ["supabase/functions/orchestrator/index.ts", "supabase/functions/agent-proxy/script.ts"],
    [`${SHARED}/worker/drain.ts`, "supabase/functions/orchestrator/index.ts"],
    [`${SHARED}/worker/drain.ts`, "scripts/stack/mod.ts"],
    ["supabase/functions/orchestrator/index.ts", "scripts/demo.ts"],
    [`${SHARED}/contract/errors.ts`, `${SHARED}/log.ts`],
    [`${SHARED}/workflow/compile.ts`, `${SHARED}/database/client.ts`],
    [`${SHARED}/log.ts`, `${SHARED}/platform.ts`],
    [`${SHARED}/http/body.ts`, `${SHARED}/workflow/compile.ts`],
    [`${SHARED}/agent_kit/serve.ts`, `${SHARED}/worker/call.ts`],
    [`${SHARED}/worker/drain.ts`, "npm:/@supabase/supabase-js@2.119.1"],
    ["scripts/stack/mod.ts", `${SHARED}/log.ts`],
    ["scripts/setup-orchestrator.ts", "scripts/stack/mod.ts"],
    ["admin/src/api.ts", `${SHARED}/log.ts`],
    ["scripts/start.ts", "admin/src/config.ts"],
    ["scripts/demo.ts", "jsr:@std/assert"],
    ["scripts/demo.ts", "https://deno.land/std/assert/mod.ts"],
  ];
  for (const [from, to] of breaking) {
    const specifier = to.includes("supabase-js") ? "@supabase/supabase-js" : to;
    assert.ok(findBrokenRules(from, to, specifier).length > 0, `${from} -> ${to}`);
  }
});

Deno.test("imports along the lines break no rule", () => {
  const fine: [from: string, to: string][] = [
    ["supabase/functions/orchestrator/index.ts", "supabase/functions/orchestrator/routes/a.ts"],
    ["supabase/functions/orchestrator/index.ts", `${SHARED}/worker/drain.ts`],
    ["admin/src/api.ts", `${SHARED}/contract/dashboard.ts`],
    ["admin/src/main.ts", "admin/src/api.ts"],
    ["admin/src/main.ts", "npm:/preact@11.2.0"],
    [`${SHARED}/http/body.ts`, `${SHARED}/workflow/near.ts`],
    [`${SHARED}/http/body.ts`, `${SHARED}/contract/errors.ts`],
    [`${SHARED}/agent_kit/serve.ts`, `${SHARED}/log.ts`],
    [`${SHARED}/database/client.ts`, "npm:/@supabase/supabase-js@2.119.1"],
    ["tests/path/1_trigger_test.ts", "scripts/stack/mod.ts"],
    ["scripts/start.ts", "scripts/stack/mod.ts"],
    ["scripts/stack/mod.ts", "npm:/postgres@3.4.9"],
  ];
  for (const [from, to] of fine) {
    assert.deepEqual(findBrokenRules(from, to), [], `${from} -> ${to}`);
  }
});

Deno.test("names are found in code, not in comments and texts", () => {
  const path = `${SHARED}/worker/drain.ts`;
  assert.deepEqual(findNamed(path, 'a();\nconst b = Deno.env.get("B");'), [
    "2: names Deno.env",
  ]);
  assert.deepEqual(findNamed(path, "console.log(1)"), ["1: names console"]);
  assert.deepEqual(findNamed(path, "`${Deno.env.get(`a${b}`)}`"), ["1: names Deno.env"]);
  assert.deepEqual(findNamed(path, "// console\nconst a = 'Deno.env'; /* globalThis */"), []);
  assert.deepEqual(findNamed(path, "const a = /console/.test('`'); EdgeRuntime"), [
    "1: names EdgeRuntime",
  ]);
  assert.deepEqual(findNamed(path, "await client.rpc<Row>('x')"), ["1: names .rpc<Row>("]);
  assert.deepEqual(findNamed(`${SHARED}/platform.ts`, "Deno.env"), []);
  assert.deepEqual(findNamed(`${SHARED}/worker/drain_test.ts`, "console.log(1)"), []);
});

Deno.test("a comparison of credentials that ends at the first difference is found", () => {
  const path = `${SHARED}/http/auth.ts`;
  const found = [
    "if (presented === candidate.key) return;",
    "accepted.find(({ key }) => key === token)",
    "return secretKeys.default !== apikey;",
    "await hashKey(key) == found.hash",
    "given.signature\n  === expected",
    "keys[0] === options.secret",
    "accepted.includes(token)",
    "expected.startsWith(password)",
    "tokens.has(job.callbackToken)",
  ];
  for (const text of found) assert.equal(findNamed(path, text).length, 1, text);
  const fine = [
    "if (token === null || secret !== undefined) return;",
    'typeof exp === "number" && key.trim() !== ""',
    'if (url.hash !== "" || url.password !== "") return;',
    "typeof secret === kind",
    "signatures.length === expected.length",
    "isEqualInConstantTime(presented, token)",
    "job.lease_token === lease_token",
    "lost.has(flight.job.lease_token)",
    "places[0] === other; // token === secret",
  ];
  for (const text of fine) assert.deepEqual(findNamed(path, text), [], text);
});

Deno.test("the stack and the orchestrator do not name each other, in comments neither", () => {
  assert.equal(findNamed("scripts/stack/mod.ts", "// starts the orchestrator").length, 1);
  assert.equal(findNamed("scripts/stack/sql/1_roles.sql", "grant all on job_queue").length, 1);
  assert.equal(findNamed("scripts/stack/tools.ts", '"wisely-orchestrator"').length, 0);
  assert.equal(findNamed("supabase/migrations/1_queue.sql", "-- the pg_net stand-in").length, 1);
  assert.equal(findNamed("tests/path/1_test.ts", 'import "@supabase/lite";').length, 1);
  assert.equal(findNamed("tests/stack/mod_test.ts", "// the stand-ins").length, 0);
});

Deno.test("blanked code keeps its lines and columns", () => {
  const text = 'a; // b\n"c\\"d"; `e${f + `g${h}`}i`; x = y / z / 2; /re[/"]/g;\n/* j\nk */ l;';
  const code = blankComments(text);
  assert.equal(code.length, text.length);
  assert.equal(code.split("\n").length, text.split("\n").length);
  assert.deepEqual(code.match(/\w/g), ["a", "f", "h", "x", "y", "z", "2", "l"]);
  assert.equal(code.indexOf("l;"), text.indexOf("l;"));
});

Deno.test("what the hosted runtime lacks is found", () => {
  const missing = [
    "new Worker(url)",
    "new Deno.Command('ls')",
    "Deno.listen({ port: 1 })",
    "Deno.connectTls({ port: 1 })",
    "await Deno.writeTextFile('a', 'b')",
    "Deno?.readFileSync('a')",
    "const { open } = Deno;",
    "Deno.serve({ port: 8000 }, handle)",
    "Deno.serve({ port: 8000, handler })",
    "localStorage.getItem('a')",
    "eval('1')",
    "Temporal.Now.instant()",
    "bytes.toHex()",
    "import a from './a.json' with { type: 'json' }",
    "new SharedArrayBuffer(1)",
  ];
  for (const text of missing) assert.ok(findApis(text).length > 0, text);
  const fine = [
    "Deno.serve(handle)",
    "Deno.env.get('A')",
    "Deno.startTls(await Deno.connect({ port: 1 }))",
    "worker(1); startWorker(2); new URL('a')",
    "const worker: Worker = a",
    "// Deno.Command",
  ];
  for (const text of fine) assert.deepEqual(findApis(text), [], text);
  assert.notEqual(judgeNodeModule("node:vm"), null);
  assert.equal(judgeNodeModule("node:buffer"), null);
  assert.equal(judgeNodeModule("npm:zod@1.0.0"), null);
});

Deno.test("packages are pinned exactly, as at the root, and by the function itself", () => {
  const root = { zod: "npm:zod@4.6.7", hono: "npm:hono@4.13.19" };
  const check = (imports: Record<string, string>) =>
    checkPins("a/deno.json", JSON.stringify({ imports }, null, 2), root);
  assert.deepEqual(check({ zod: "npm:zod@4.6.7" }), []);
  assert.match(check({ zod: "npm:zod@^4.6.7" })[0].message, /not pinned/);
  assert.match(check({ zod: "jsr:@zod/zod@4.6.7" })[0].message, /not pinned/);
  assert.match(check({ zod: "npm:zod@4.6.6" })[0].message, /4\.6\.7 at the root/);
  const [unknown] = check({ hono: "npm:hono@4.13.19", yaml: "npm:yaml@2.9.1" });
  assert.deepEqual([unknown.line, unknown.message], [4, "yaml is not in the root's deno.json"]);

  const edge = (specifier: string, to: string): ImportEdge => ({
    from: "a.ts",
    to,
    specifier,
    line: 1,
  });
  const edges = [edge("hono/jwt", "npm:/hono@4.13.19/jwt"), edge("zod", "npm:zod@4.6.7")];
  assert.deepEqual(checkPackages(edges, root), []);
  assert.equal(checkPackages([edge("yaml", "npm:/yaml@2.9.1")], root).length, 1);
  assert.equal(checkPackages([edge("npm:zod@4.6.7", "npm:/zod@4.6.7")], root).length, 1);
});

Deno.test("a report names the rule, and the file and line of each breach", () => {
  const breaches = [{ path: "a.ts", line: 7, message: "imports b.ts" }];
  assert.deepEqual(
    formatReport([{ rule: "one", breaches: [], note: "3 files" }, { rule: "two", breaches }]),
    ["ok    one (3 files)", "FAIL  two", "      a.ts:7: imports b.ts"],
  );
});
