// A foreground stack keeps its data between starts, says what is wrong with it, and leaves nothing
// behind, however it ends.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { findDescendants } from "../lifecycle/command.ts";
import { waitFor } from "./stack_fixture.ts";

const STARTER = fileURLToPath(new URL("./fixture_start.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));
const folder = await Deno.makeTempDir({ prefix: "stack-lifecycle-", dir: "/var/tmp" });
await Deno.chmod(folder, 0o755);
Deno.test.afterAll(() => Deno.remove(folder, { recursive: true }));

interface Started {
  child: Deno.ChildProcess;
  url: string;
  keys: { secret: string };
  /** Everything that the stack started: the server, its guard, the functions. */
  descendants: number[];
}

async function start(name: string, prefix: string[] = []): Promise<Started> {
  const command = [
    ...prefix,
    ...[Deno.execPath(), "run", "--allow-all", "--config", CONFIG, STARTER],
    `${folder}/${name}`,
    "0",
  ];
  const child = new Deno.Command(command[0], {
    args: command.slice(1),
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    text += decoder.decode(chunk);
    if (text.includes("\n")) break;
  }
  const { url, keys } = JSON.parse(text);
  return { child, url, keys, descendants: findDescendants(child.pid) };
}

async function startInVain(name: string, port = "0"): Promise<string> {
  const output = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--config", CONFIG, STARTER, `${folder}/${name}`, port],
    stdin: "null",
  }).output();
  assert.equal(output.code, 1);
  return new TextDecoder().decode(output.stderr);
}

function isRunning(pid: number): boolean {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return stat.slice(stat.lastIndexOf(")") + 2)[0] !== "Z";
  } catch {
    return false;
  }
}

function expectNothingLeft(pids: number[]): Promise<boolean> {
  assert.ok(pids.length > 5, `a stack has many processes, found ${pids.length}`);
  return waitFor(() => pids.some(isRunning) ? undefined : true);
}

async function countNotes({ url, keys }: Started): Promise<number> {
  const headers = { apikey: keys.secret, "content-type": "application/json" };
  const call = (name: string, body: unknown) =>
    fetch(`${url}/rest/v1/rpc/${name}`, { method: "POST", headers, body: JSON.stringify(body) });
  await (await call("add_note", { p_body: "kept" })).body?.cancel();
  return (await (await call("list_notes", {})).json()).length;
}

Deno.test("SIGTERM stops everything, and the next start finds data and keys again", async () => {
  const first = await start("kept");
  assert.equal(await countNotes(first), 1);
  first.child.kill("SIGTERM");
  assert.equal((await first.child.status).code, 0);
  await expectNothingLeft(first.descendants);

  const second = await start("kept");
  assert.equal(await countNotes(second), 2);
  assert.deepEqual(second.keys, first.keys);
  second.child.kill("SIGINT");
  assert.equal((await second.child.status).code, 0);
  await expectNothingLeft(second.descendants);
});

Deno.test("a killed stack leaves no process, and its data can be used at once", async () => {
  const killed = await start("killed");
  assert.equal(await countNotes(killed), 1);
  killed.child.kill("SIGKILL");
  await killed.child.status;
  const again = await start("killed");
  await expectNothingLeft(killed.descendants);
  assert.equal(await countNotes(again), 2);
  again.child.kill("SIGKILL");
  await again.child.status;
  await expectNothingLeft(again.descendants);
});

Deno.test("a database server that is killed is started again, with its data, and the log tells it", async () => {
  const started = await start("server");
  assert.equal(await countNotes(started), 1);
  const pidFile = `${folder}/server/pg/postmaster.pid`;
  const pid = Number.parseInt(await Deno.readTextFile(pidFile));
  Deno.kill(pid, "SIGKILL");
  // Calls fail until it is back, also between the two of one look.
  await waitFor(async () => {
    const notes = await countNotes(started).catch(() => undefined);
    return typeof notes === "number" && notes > 1 ? notes : undefined;
  }, 30_000);
  const told = /PostgreSQL ended by itself and is started again[^]*PostgreSQL runs again/;
  await waitFor(async () =>
    told.test(await Deno.readTextFile(`${folder}/server/logs/stack.log`)) || undefined
  );
  assert.notEqual(Number.parseInt(await Deno.readTextFile(pidFile)), pid);
  const descendants = findDescendants(started.child.pid);
  started.child.kill("SIGTERM");
  assert.equal((await started.child.status).code, 0);
  await expectNothingLeft(descendants);
});

Deno.test("a stack whose launcher is killed stops by itself", async () => {
  const script = `
    const [program, ...args] = process.argv.slice(1);
    require("node:child_process").spawnSync(program, args, { stdio: "inherit" });`;
  const launched = await start("launched", ["node", "-e", script, "--"]);
  launched.child.kill("SIGKILL");
  await launched.child.status;
  await expectNothingLeft(launched.descendants);
});

Deno.test("a second stack on the same data is refused by name of the first", async () => {
  const first = await start("shared");
  const message = await startInVain("shared");
  assert.match(message, /a stack is already running on it \(process \d+, http/);
  first.child.kill("SIGTERM");
  await first.child.status;
});

Deno.test("a taken port is named, and what to do about it", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const message = await startInVain("port", String(listener.addr.port));
  assert.match(message, new RegExp(`cannot listen on port ${listener.addr.port}.*--port`));
  listener.close();
});

Deno.test("half-made data is refused with the remedy", async () => {
  await Deno.mkdir(`${folder}/half/pg/base`, { recursive: true });
  assert.match(await startInVain("half"), /it is incomplete.*deno task start --reset/);
});

Deno.test("data of another PostgreSQL is refused with the remedy", async () => {
  await Deno.mkdir(`${folder}/other/pg/global`, { recursive: true });
  await Deno.writeTextFile(`${folder}/other/pg/PG_VERSION`, "16\n");
  await Deno.writeTextFile(`${folder}/other/pg/global/pg_control`, "");
  assert.match(await startInVain("other"), /PostgreSQL 16 made it.*runs 17.*--reset/);
});

Deno.test("an interrupted first start is made good by the next", async () => {
  await Deno.mkdir(`${folder}/interrupted/pg.draft/base`, { recursive: true });
  const started = await start("interrupted");
  assert.equal(await countNotes(started), 1);
  started.child.kill("SIGTERM");
  await started.child.status;
});
