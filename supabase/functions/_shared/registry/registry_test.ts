import assert from "node:assert/strict";
import { OrchestratorError } from "../contract/errors.ts";
import { FakeRegistry, VALID } from "./fake_registry.ts";
import { checkSource, publishSource } from "./publish.ts";
import { readThrough } from "./read_through.ts";
import { syncRegistry } from "./sync.ts";

const unavailable = new OrchestratorError("unavailable", "the bucket is away");

Deno.test("a file must be named after its key", async () => {
  const { deps } = new FakeRegistry();
  for (const file of ["a.yml", "a.yaml", null]) {
    assert.equal((await checkSource({ source: VALID("a"), file }, deps)).ok, true);
  }
  const checked = await checkSource({ source: VALID("a"), file: "b.yml" }, deps);
  assert.equal(checked.ok, false);
  if (!checked.ok) {
    assert.match(checked.problems[0].message, /named after its key: a\.yml/);
  }
});

Deno.test("a text with problems is refused with all of them and changes nothing", async () => {
  const registry = new FakeRegistry();
  await assert.rejects(
    publishSource({ source: "key: a\nstepz: []\n", file: "a.yml" }, registry.deps),
    (error: OrchestratorError) => {
      assert.equal(error.kind, "unprocessable");
      assert.ok(error.problems!.some((problem) => problem.near?.includes("steps")));
      assert.equal(error.problems![0].file, "a.yml");
      return true;
    },
  );
  assert.deepEqual(registry.published, []);
});

const USES = (key: string, template: string) =>
  `key: ${key}\ntrigger: { type: manual }\nsteps: [{ id: a, use: ${template} }]\n`;
const TEMPLATE = "template: greet\nsteps: [{ id: call, call: /functions/v1/agent/greet }]\n";

Deno.test("templates come from the bucket's folder of templates", async () => {
  const registry = new FakeRegistry();
  registry.files.set("templates/greet.yml", TEMPLATE);
  const checked = await checkSource({ source: USES("a", "greet"), file: "a.yml" }, registry.deps);
  assert.ok(checked.ok, JSON.stringify(checked));
  assert.equal(checked.workflow.steps[0].config.call, "/functions/v1/agent/greet");
  registry.files.set("fresh.yml", USES("fresh", "greet"));
  await readThrough("fresh", registry.deps);
  assert.equal(registry.published[0].key, "fresh");
});

Deno.test("a template that is not there is a problem, with those that are", async () => {
  const registry = new FakeRegistry();
  registry.files.set("templates/greet.yml", TEMPLATE);
  const checked = await checkSource({ source: USES("a", "great"), file: "a.yml" }, registry.deps);
  assert.ok(!checked.ok);
  assert.match(checked.problems[0].message, /no template "great"/);
  assert.deepEqual(checked.problems[0].near, ["greet"]);
});

Deno.test("a problem inside of a template names the template's file", async () => {
  const registry = new FakeRegistry();
  registry.files.set("templates/greet.yml", TEMPLATE.replace("call:", "cal:"));
  registry.files.set("uses.yml", USES("uses", "greet"));
  await assert.rejects(readThrough("uses", registry.deps), (error: OrchestratorError) => {
    assert.equal(error.kind, "unprocessable");
    assert.deepEqual(
      error.problems!.map(({ file }) => file),
      Array(error.problems!.length).fill(
        "templates/greet.yml",
      ),
    );
    assert.ok(error.problems!.some(({ near }) => near?.includes("call")));
    return true;
  });
});

Deno.test("a name that is no template's never reaches the bucket", async () => {
  const registry = new FakeRegistry();
  registry.deps.bucket.download = (name) => Promise.reject(new Error(`asked for ${name}`));
  for (const name of ["../secrets", "a/b", '""', "A"]) {
    const checked = await checkSource({ source: USES("a", name), file: "a.yml" }, registry.deps);
    assert.equal(checked.ok, false, name);
  }
});

Deno.test("an unknown workflow is read through from either file name", async () => {
  for (const name of ["fresh.yml", "fresh.yaml"]) {
    const registry = new FakeRegistry();
    registry.files.set(name, VALID("fresh"));
    await readThrough("fresh", registry.deps);
    assert.equal(registry.published[0].key, "fresh");
    // Without an etag the next sync looks at the file once more and notes it.
    assert.equal(registry.published[0].path, undefined);
  }
});

Deno.test("a key without a file is not found, with near names", async () => {
  const { deps } = new FakeRegistry();
  await assert.rejects(readThrough("dayly_v1", deps), (error: OrchestratorError) => {
    assert.equal(error.kind, "not_found");
    assert.match(error.message, /did you mean daily_v1\?/);
    assert.deepEqual(error.problems![0].near, ["daily_v1"]);
    return true;
  });
});

Deno.test("a key that is no file name never reaches the bucket", async () => {
  const registry = new FakeRegistry();
  registry.isAway = new Error("asked the bucket");
  for (const key of ["../secrets", "a/b", "A", ""]) {
    await assert.rejects(readThrough(key, registry.deps), {
      kind: "not_found",
    });
  }
});

Deno.test("sync publishes what changed, refuses what is invalid and archives what is gone", async () => {
  const registry = new FakeRegistry();
  registry.files.set("good.yml", VALID("good"));
  registry.files.set("bad.yml", "key: [");
  registry.stale = [
    {
      source_path: "good.yml",
      etag: "e1",
      state: "changed",
      workflow_key: null,
    },
    {
      source_path: "bad.yml",
      etag: "e2",
      state: "changed",
      workflow_key: "bad",
    },
    {
      source_path: "gone.yml",
      etag: "e3",
      state: "removed",
      workflow_key: "gone",
    },
    {
      source_path: "never.yml",
      etag: "e4",
      state: "removed",
      workflow_key: null,
    },
    {
      source_path: "raced.yml",
      etag: "e5",
      state: "changed",
      workflow_key: null,
    },
  ];
  const counts = await syncRegistry(registry.deps);
  assert.deepEqual(counts, {
    published: 1,
    unchanged: 2,
    rejected: 1,
    archived: 1,
    failed: 0,
  });
  assert.deepEqual(registry.published, [{
    key: "good",
    path: "good.yml",
    etag: "e1",
  }]);
  assert.deepEqual(registry.rejected, ["bad.yml"]);
  assert.deepEqual(registry.removed, ["gone.yml", "never.yml"]);
});

Deno.test("a file that fails does not stop the others", async () => {
  const registry = new FakeRegistry();
  registry.files.set("a.yml", VALID("a"));
  registry.files.set("b.yml", VALID("b"));
  registry.stale = ["a.yml", "b.yml"].map((source_path) => ({
    source_path,
    etag: "e",
    state: "changed",
    workflow_key: null,
  }));
  const { publishWorkflow } = registry.deps.rpc;
  registry.deps.rpc.publishWorkflow = (args) =>
    args.compiled.key === "a" ? Promise.reject(new Error("a bug")) : publishWorkflow(args);
  const counts = await syncRegistry(registry.deps);
  assert.deepEqual([counts.failed, counts.published], [1, 1]);
});

Deno.test("a bucket that is away ends the sync", async () => {
  const registry = new FakeRegistry();
  registry.stale = [{
    source_path: "a.yml",
    etag: "e",
    state: "changed",
    workflow_key: null,
  }];
  registry.isAway = unavailable;
  await assert.rejects(syncRegistry(registry.deps), unavailable);
});
