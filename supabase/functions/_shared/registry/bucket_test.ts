import assert from "node:assert/strict";
import type { StorageApi } from "../database/client.ts";
import { readKeyOfFileName, WorkflowBucket } from "./bucket.ts";

/** A storage whose folder listing answers with this. */
function open(answer: { data: unknown; error: unknown }) {
  const asked: unknown[] = [];
  const list = (...args: unknown[]) => {
    asked.push(args);
    return Promise.resolve(answer);
  };
  const storage = { from: () => ({ list }) } as unknown as StorageApi;
  return { asked, bucket: new WorkflowBucket(storage) };
}

Deno.test("templates are the YAML files of their folder", async () => {
  const { asked, bucket } = open({
    data: [{ name: "slack_message.yml" }, { name: "old" }, { name: "notes.md" }, {
      name: "b.yaml",
    }],
    error: null,
  });
  assert.deepEqual(await bucket.listTemplates(), ["slack_message", "b"]);
  assert.deepEqual(asked, [["templates", { limit: 1_000 }]]);
});

Deno.test("a listing that fails says what was tried", async () => {
  const { bucket } = open({ data: null, error: { message: "down", status: 503 } });
  await assert.rejects(bucket.listTemplates(), /listing templates/);
});

Deno.test("a workflow's file stands at the top of the bucket and ends in .yml or .yaml", () => {
  assert.equal(readKeyOfFileName("a_v1.yml"), "a_v1");
  assert.equal(readKeyOfFileName("a_v1.yaml"), "a_v1");
  for (const name of ["templates/a.yml", "a.json", ".yml/", "a.yml.bak"]) {
    assert.equal(readKeyOfFileName(name), null, name);
  }
});
