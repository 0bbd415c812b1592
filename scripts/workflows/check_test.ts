// `deno task workflows:check`, run as people run it.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const folder = await Deno.makeTempDir({ prefix: "workflows-check-" });
Deno.test.afterAll(() => Deno.remove(folder, { recursive: true }));

async function check(args: string[], env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--config",
      `${ROOT}deno.json`,
      `${ROOT}scripts/workflows/check.ts`,
      ...args,
    ],
    cwd: ROOT,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: decode(stdout), stderr: decode(stderr) };
}

async function write(name: string, text: string): Promise<string> {
  const path = `${folder}/${name}`;
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  await Deno.writeTextFile(path, text);
  return path;
}

const GOOD = "key: good\ntrigger: { type: manual }\nsteps:\n  - { id: a, call: /a }\n";

Deno.test("without files all workflows, templates and examples of the repository are checked", async () => {
  const { code, stdout, stderr } = await check([]);
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /^ok {2}workflows\/daily_instructor_v1\.yml \(3 steps\)$/m);
  assert.match(stdout, /^ok {2}workflows\/templates\/slack_message\.yml \(template\)$/m);
  assert.match(stdout, /^ok {2}workflows\/examples\/lead_triage_v1\.yml \(8 steps\)$/m);
  assert.match(stdout, /^\d+ files checked, no problems$/m);
});

Deno.test("problems are shown with their line, and the exit code is 1", async () => {
  const file = await write(
    "bad.yml",
    GOOD.replace("good", "bad").replace("call: /a", "call: /a, timeot_ms: 5, if: evnt.id == 'x'"),
  );
  const { code, stdout } = await check([file, await write("good.yml", GOOD)]);
  assert.equal(code, 1);
  assert.equal(
    stdout,
    [
      `${file}:4:24: unknown key "timeot_ms"`,
      "    4 |   - { id: a, call: /a, timeot_ms: 5, if: evnt.id == 'x' }",
      "      |                        ^",
      "  did you mean timeout_ms?",
      `${file}:4:42: steps[0].if: unknown name "evnt": the names here are inputs, event, run, steps`,
      "    4 |   - { id: a, call: /a, timeot_ms: 5, if: evnt.id == 'x' }",
      "      |                                          ^",
      "  did you mean event?",
      `ok  ${folder}/good.yml (1 step)`,
      "2 problems in 1 of 2 files",
      "",
    ].join("\n"),
  );
});

Deno.test("a template is found beside the file, and its problems are told once", async () => {
  await write("flows/templates/greet.yml", "template: greet\nsteps: [{ id: a, cal: /a }]\n");
  const uses = (key: string) =>
    `key: ${key}\ntrigger: { type: manual }\nsteps:\n  - { id: a, use: greet }\n`;
  const files = [
    await write("flows/one.yml", uses("one")),
    await write("flows/more/two.yml", uses("two")),
    `${folder}/flows/templates/greet.yml`,
  ];
  const { code, stdout } = await check(files);
  assert.equal(code, 1);
  assert.equal(stdout.match(/unknown key "cal"/g)?.length, 1);
  assert.match(
    stdout,
    /templates\/greet\.yml:2:18: unknown key "cal"\n {4}2 \| steps: \[\{ id: a, cal/,
  );
  assert.match(stdout, /2 problems in 3 of 3 files/);
});

Deno.test("a file is named after its key", async () => {
  const { code, stdout } = await check([await write("other.yml", GOOD)]);
  assert.equal(code, 1);
  assert.match(stdout, /other\.yml: the file must be named after its key: good\.yml/);
});

Deno.test("a sub-workflow that is none of the files is noted, and is no problem", async () => {
  const parent = await write(
    "parent.yml",
    GOOD.replace("good", "parent").replace("call: /a", "workflow: goodd"),
  );
  const { code, stdout } = await check([parent, await write("good.yml", GOOD)]);
  assert.equal(code, 0);
  assert.match(
    stdout,
    /note {2}.*step a runs goodd, which is none of these files; did you mean good\?/,
  );
});

Deno.test("settings of the environment count", async () => {
  const file = await write(
    "hosts.yml",
    GOOD.replace("good", "hosts").replace("/a }", "https://a.example.com/x }"),
  );
  assert.equal((await check([file])).code, 1);
  const allowed = { ORCHESTRATOR_ALLOWED_AGENT_HOSTS: "a.example.com" };
  assert.equal((await check([file], allowed)).code, 0);
});

Deno.test("--mermaid prints the graph alone to the output, and the rest beside it", async () => {
  const { code, stdout, stderr } = await check([await write("good.yml", GOOD), "--mermaid"]);
  assert.equal(code, 0);
  assert.equal(stdout, '---\ntitle: "good"\n---\nflowchart TD\n  s1["a<br/>call a"]\n\n');
  assert.match(stderr, /1 file checked, no problems/);
});

Deno.test("a wrong call says how to call, and a file that is not there is named", async () => {
  const wrong = await check(["--mermade"]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /--mermade[^]*deno task workflows:check \[FILES\]/);
  const missing = await check([`${folder}/nowhere.yml`]);
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /cannot read .*nowhere\.yml/);
  const help = await check(["--help"]);
  assert.deepEqual([help.code, help.stderr], [0, ""]);
  assert.match(help.stdout, /--mermaid/);
});
