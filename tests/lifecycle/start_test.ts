// `deno task start` on this project: sets it up, keeps runs and keys between starts, and leaves nothing
// behind. What the stack itself does about ports, locks and broken data is in tests/stack.
import assert from "node:assert/strict";
import { waitFor } from "../harness/stack.ts";
import { copyProject, findProcesses, type Running } from "./command.ts";

const copy = await copyProject();
Deno.test.afterAll(() => copy.remove());

interface Ready {
  stack: Running;
  url: string;
  secret: string;
}

async function start(...args: string[]): Promise<Ready> {
  const stack = copy.start("start.ts", "--port", "0", ...args);
  let isOver = false;
  stack.ended.then(() => isOver = true);
  await waitFor(
    "the stack to run",
    () => isOver || stack.text().includes("data and logs"),
    () => stack.text(),
  );
  const read = (name: string) => new RegExp(`^ +${name} +(\\S+)$`, "m").exec(stack.text())?.[1];
  const url = read("gateway");
  const secret = read("secret key");
  assert.ok(url !== undefined && secret !== undefined, stack.text());
  return { stack, url, secret };
}

async function ask(ready: Ready, method: string, path: string, body?: unknown) {
  const response = await fetch(`${ready.url}/functions/v1/orchestrator${path}`, {
    method,
    headers: { apikey: ready.secret, "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}

async function end({ stack }: Ready, signal: Deno.Signal): Promise<number> {
  assert.ok(findProcesses(copy.root).length > 0, "processes are found while it runs");
  stack.kill(signal);
  const code = await stack.ended;
  await waitFor(
    `nothing to be left after ${signal}`,
    () => findProcesses(copy.root).length + findProcesses(copy.dataFolder).length === 0,
    () => findProcesses(copy.root).join(),
  );
  return code;
}

Deno.test("a start sets the project up; the next finds its runs and keys again, --reset does not", async () => {
  const first = await start();
  assert.match(first.stack.text(), /published daily_instructor_v1, version 1/);
  assert.match(first.stack.text(), /Ctrl-C stops it/);
  const { status, body } = await ask(first, "POST", "/dispatch", {
    user_id: "u",
    workflow_key: "daily_instructor_v1",
  });
  assert.equal(status, 202);
  const path = `/runs/${body.workflow_run_id}`;
  await waitFor(
    "the run to succeed",
    async () => (await ask(first, "GET", path)).body.status === "success",
  );
  assert.equal(await end(first, "SIGINT"), 0);
  assert.match(first.stack.text(), /stopping: SIGINT/);

  const second = await start();
  assert.doesNotMatch(second.stack.text(), /published/);
  assert.equal(second.secret, first.secret);
  assert.equal((await ask(second, "GET", path)).body.status, "success");
  await end(second, "SIGKILL");

  const third = await start("--reset");
  assert.notEqual(third.secret, first.secret);
  assert.equal((await ask(third, "GET", path)).status, 404);
  assert.equal(await end(third, "SIGTERM"), 0);
});

Deno.test("a start serves the dashboard, and tells how to sign in until somebody has a role", async () => {
  const first = await start();
  try {
    await waitFor(
      "the hint",
      () => /admin:grant you@example\.com operator/.test(first.stack.text()),
    );
    const address = /^ +dashboard +(\S+)$/m.exec(first.stack.text())?.[1];
    assert.equal(address, `${first.url}/admin/orchestrator/`);
    const page = await fetch(address);
    const text = await page.text();
    assert.equal(page.status, 200, text);
    assert.match(text, /<!doctype html>/i);
    assert.match(text, /sb_publishable_/);
    assert.equal(text.includes(first.secret), false);

    // Without being told: it finds the stack that runs on this project's data.
    const { code, stdout, stderr } = await copy.run("admin/grant.ts", "me@example.com", "operator");
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^me@example\.com is operator now$/m);
  } finally {
    await end(first, "SIGTERM");
  }
  const lost = await copy.run("admin/grant.ts", "--list");
  assert.equal(lost.code, 1);
  assert.match(lost.stderr, /^which project\? Set SUPABASE_URL .* deno task start/);

  const second = await start();
  await end(second, "SIGTERM");
  assert.doesNotMatch(second.stack.text(), /admin:grant/);
});

Deno.test("a dashboard that cannot be built is told, stops nothing, and is there once it is mended", async () => {
  const file = `${copy.root}/admin/src/main.ts`;
  const source = await Deno.readTextFile(file);
  await Deno.writeTextFile(file, "export const half = ;");
  const ready = await start();
  try {
    assert.match(ready.stack.text(), /the dashboard is not built: .*main\.ts:1:20/s);
    const look = async () => {
      const page = await fetch(`${ready.url}/admin/orchestrator/`);
      return { status: page.status, text: await page.text() };
    };
    const broken = await look();
    assert.equal(broken.status, 500);
    assert.match(broken.text, /^cannot serve \/admin\/orchestrator: .*main\.ts:1:20/s);
    await Deno.writeTextFile(file, source);
    assert.match((await look()).text, /<!doctype html>/i);
    await Deno.writeTextFile(file, "export const half = ;");
    await waitFor("the change to be seen", async () => (await look()).status === 500);
  } finally {
    await Deno.writeTextFile(file, source);
    await end(ready, "SIGTERM");
  }
});

Deno.test("a workflow file with problems ends the start with its report, and nothing is left", async () => {
  const file = `${copy.root}/workflows/broken.yml`;
  await Deno.writeTextFile(file, "key: broken\ntrigger: {type: manual}\nsteps:\n  - id: a\n");
  const stack = copy.start("start.ts", "--port", "0");
  assert.equal(await stack.ended, 1);
  await Deno.remove(file);
  assert.match(stack.text(), /broken\.yml:4:5: .*it needs one of call/);
  await waitFor("nothing to be left", () => findProcesses(copy.root).length === 0);
});

Deno.test("an interrupted first start says so, leaves nothing, and the next one is none the worse", async () => {
  await Deno.remove(`${copy.dataFolder}/local`, { recursive: true });
  const stack = copy.start("start.ts", "--port", "0");
  const [initdb] = await waitFor("the database to be made", () => {
    const found = findProcesses(`${copy.dataFolder}/local/pg.draft`);
    return found.length > 0 && found;
  });
  // As a terminal does it: to every process that is there by then.
  Deno.kill(initdb, "SIGINT");
  stack.kill("SIGINT");
  assert.equal(await stack.ended, 0);
  assert.equal(stack.text(), "· creating the database\n\nstopping: SIGINT\n");
  await waitFor("nothing to be left", () => findProcesses(copy.root).length === 0);
  await end(await start(), "SIGTERM");
});

Deno.test("a taken port is named with what to do, before anything else is started", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { code, stdout, stderr } = await copy.run("start.ts", "--port", `${listener.addr.port}`);
  listener.close();
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.match(stderr, new RegExp(`^cannot listen on port ${listener.addr.port}: .*--port`));
});

Deno.test("a half-made data folder is named with what to do, and --reset does it", async () => {
  const folder = `${copy.dataFolder}/local`;
  await Deno.remove(folder, { recursive: true });
  await Deno.mkdir(`${folder}/pg/base`, { recursive: true });
  const { code, stderr } = await copy.run("start.ts", "--port", "0");
  assert.equal(code, 1);
  assert.match(stderr, /it is incomplete; throw it away .* deno task start --reset/);
  await end(await start("--reset"), "SIGTERM");
});

Deno.test("a wrong argument is named, and --help tells the right ones", async () => {
  const help = await copy.run("start.ts", "--help");
  assert.equal(help.code, 0);
  assert.match(help.stdout, /--port N[\s\S]*--reset/);
  const wrong: [args: string[], message: RegExp][] = [
    [["--prot", "1"], /^unknown argument: --prot[\s\S]*--port N/],
    [["--port", "abc"], /^--port is no port: "abc"/],
    [["--port"], /^--port is no port: ""/],
    [["--port", "70000"], /^--port is no port: "70000"/],
  ];
  for (const [args, message] of wrong) {
    const { code, stdout, stderr } = await copy.run("start.ts", ...args);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, message);
  }
});
