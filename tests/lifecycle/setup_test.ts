// `deno task setup`: the same result however often it is run, nothing touched by a dry run, and a bad
// file or key told before anything is written.
import assert from "node:assert/strict";
import { setUp } from "../../scripts/setup-orchestrator.ts";
import { openStack } from "../harness/stack.ts";
import { ROOT, runScript } from "./command.ts";

const { stack, db, close } = await openStack({
  isSetUp: false,
  loops: { cron: false, net: false },
});
const folders: string[] = [];
Deno.test.afterAll(async () => {
  for (const folder of folders) await Deno.remove(folder, { recursive: true });
  await close();
});

const { secret, publishable, serviceRoleJwt } = stack.keys;
const setup = (...args: string[]) =>
  runScript(ROOT, "setup-orchestrator.ts", ["--url", stack.url, "--key", secret, ...args]);

/** Everything that a set-up writes. */
async function readAll(): Promise<Record<string, unknown>> {
  const read = async (query: string) =>
    (await db.admin.unsafe(query)).map((row: Record<string, unknown>) => ({ ...row }));
  return {
    definitions: await read("select * from workflow_definitions order by definition_id"),
    files: await read("select * from workflow_files order by source_path"),
    schedules: await read("select * from workflow_schedules order by schedule_id"),
    buckets: await read("select * from storage.buckets order by id"),
    objects: await read("select * from storage.objects order by name"),
    jobs: await read("select jobname, schedule, command from cron.job order by jobname"),
    secrets: await read("select name, decrypted_secret from vault.decrypted_secrets order by name"),
    tokenKeys: await read("select * from orchestrator.agent_token_keys order by key_id"),
  };
}

/** A folder with workflows of its own. */
async function makeRoot(files: Record<string, string>): Promise<string> {
  const root = await Deno.makeTempDir({ prefix: "setup-" });
  folders.push(root);
  await Deno.mkdir(`${root}/workflows`);
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${root}/workflows/${name}`, text);
  }
  return root;
}

Deno.test("a dry run on a fresh project tells what it would do, and touches nothing", async () => {
  const before = await readAll();
  const { code, stdout, stderr } = await setup("--dry-run");
  assert.equal(code, 0, stderr);
  assert.deepEqual(stdout.trim().split("\n"), [
    "would create the private bucket workflows",
    "would create the private bucket workflow-outputs",
    "would upload templates/best_contact.yml",
    "would upload templates/slack_message.yml",
    "would upload daily_instructor_v1.yml",
    "would upload weekly_seed_v1.yml",
    "would publish daily_instructor_v1",
    "would publish weekly_seed_v1",
    `would store ${stack.url} and the service key in Vault`,
    "would make a key that signs agent tokens",
    "would schedule the pg_cron jobs",
    "nothing was touched",
  ]);
  assert.deepEqual(await readAll(), before);
});

Deno.test("a wrong key is told, and nothing is touched", async () => {
  const before = await readAll();
  for (const key of ["sb_secret_wrong", publishable, serviceRoleJwt.slice(0, -4)]) {
    const { code, stdout, stderr } = await setup("--key", key);
    assert.deepEqual([code, stdout], [1, ""], stderr);
    assert.match(stderr, /the key is a secret key or the service_role key of this project/);
    assert.equal(stderr.includes(key), false, "the key is not repeated");
  }
  assert.deepEqual(await readAll(), before);
});

const GOOD = "key: good\ntrigger: {type: manual}\nsteps: [{id: a, call: /functions/v1/x}]\n";
const BAD = `key: bad
trigger:
  type: cron
  cron: "61 7 * * *"
steps:
  - id: one
    call: /functions/v1/agent-proxy/noop
    timeout: 5
    depends_on: [ two ]
`;

Deno.test("a workflow file with problems is reported as by a compiler, and nothing is touched", async () => {
  const before = await readAll();
  const root = await makeRoot({ "bad.yml": BAD, "good.yml": GOOD });
  for (const more of [[], ["--dry-run"]]) {
    const { code, stdout, stderr } = await setup("--root", root, ...more);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /^bad\.yml:4:9: .*cron/m);
    assert.match(stderr, /^ +4 \| +cron: "61 7 \* \* \*"\n +\| +\^/m);
    assert.match(stderr, /^bad\.yml:8:5: unknown key "timeout"/m);
    assert.match(stderr, /^ +did you mean timeout_ms\?/m);
    assert.match(stderr, /^bad\.yml:9:19: .*two/m);
  }
  assert.deepEqual(await readAll(), before);
});

Deno.test("a set-up creates everything, and a second one changes nothing", async () => {
  const lines: string[] = [];
  const options = { url: stack.url, serviceKey: secret, root: ROOT };
  const first = await setUp({ ...options, onProgress: (line) => lines.push(line) });
  assert.equal(first.isBucketNew, true);
  assert.deepEqual(
    first.files.map((file) => [file.workflowKey, file.isUploaded, file.isPublished]),
    [["daily_instructor_v1", true, true], ["weekly_seed_v1", true, true]],
  );
  assert.deepEqual(first.cronJobs.map(({ name }) => name), [
    "orchestrator-cron",
    "orchestrator-prune",
    "orchestrator-prune-cron",
    "orchestrator-prune-definitions",
    "orchestrator-worker",
  ]);
  assert.equal(lines.some((line) => line.includes(secret)), false);
  const before = await readAll();

  const second = await setUp(options);
  assert.equal(second.isBucketNew, false);
  assert.ok(second.files.every((file) => !file.isUploaded && !file.isPublished));
  assert.deepEqual(second.cronJobs, first.cronJobs);
  assert.deepEqual(await readAll(), before);

  const { code, stdout, stderr } = await setup();
  assert.equal(code, 0, stderr);
  assert.match(stdout, /the orchestrator is set up\n$/);
  assert.deepEqual(await readAll(), before);

  const dry = await setup("--dry-run");
  assert.doesNotMatch(dry.stdout, /would (create|upload|publish|make)/);
});

Deno.test("a key for agent tokens is rotated on demand, and told by its time alone", async () => {
  const { code, stdout, stderr } = await setup("--token-key", "rotate");
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^made a key that signs agent tokens, from \d{4}-.*Z on$/m);
  const keys = await db.rpc.listAgentTokenKeys();
  assert.equal(keys.length, 2);
  assert.ok(Date.parse(keys[1].signs_from) > Date.now());
  const again = await setup("--token-key", "rotate");
  assert.doesNotMatch(again.stdout, /signs agent tokens/, "the rotation is under way");
});

Deno.test("a changed file is uploaded and published as the next version, the others are left alone", async () => {
  const source = await Deno.readTextFile(`${ROOT}/workflows/weekly_seed_v1.yml`);
  const root = await makeRoot({ "weekly_seed_v1.yml": source.replace("18 *", "19 *") });
  const { files } = await setUp({ url: stack.url, serviceKey: secret, root });
  assert.deepEqual(files.map((file) => [file.workflowKey, file.isUploaded, file.isPublished]), [
    ["weekly_seed_v1", true, true],
  ]);
  const versions = await db.rpc.listWorkflows();
  assert.deepEqual(versions.map((it) => [it.workflow_key, it.version]), [
    ["daily_instructor_v1", 1],
    ["weekly_seed_v1", 2],
  ]);
});

Deno.test("the service_role key and another base URL are taken as well", async () => {
  const { code, stderr } = await setup(
    ...["--key", serviceRoleJwt, "--base-url", "http://api.supabase.internal:8000/"],
  );
  assert.equal(code, 0, stderr);
  const rows = await db.admin<{ name: string; decrypted_secret: string }[]>`
    select name, decrypted_secret from vault.decrypted_secrets
    where name in ('orchestrator_base_url', 'orchestrator_service_key') order by name`;
  assert.deepEqual(rows.map((row) => row.decrypted_secret), [
    "http://api.supabase.internal:8000",
    serviceRoleJwt,
  ]);
});

Deno.test("a wrong call ends with 2 and the help; what is not there is told by name", async () => {
  for (
    const [args, message] of [
      [["--url", "nonsense"], /^--url must be a URL, got "nonsense"/],
      [["--key", ""], /^--key is missing/],
      [["--drry-run"], /drry-run/],
      [["--token-key", "renew"], /^--token-key must be rotate or replace, got "renew"/],
    ] as [string[], RegExp][]
  ) {
    const { code, stdout, stderr } = await setup(...args);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, message);
    assert.match(stderr, /deno task setup \[options\]/);
  }
  const help = await setup("--help");
  assert.equal(help.code, 0);
  assert.match(help.stdout, /--dry-run/);

  const nowhere = await setup("--root", "/nowhere");
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.stderr, /\/nowhere\/workflows/);

  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = listener.addr.port;
  listener.close();
  const away = await setup("--url", `http://127.0.0.1:${port}`);
  assert.equal(away.code, 1);
  assert.match(
    away.stderr,
    new RegExp(`cannot reach the project at http://127\\.0\\.0\\.1:${port}`),
  );
});
