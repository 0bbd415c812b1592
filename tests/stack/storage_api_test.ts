// Storage of the local stack: what supabase-js uploads is what it downloads, and what SQL sees.
import assert from "node:assert/strict";
import { startFixtureStack } from "./stack_fixture.ts";

const fixture = await startFixtureStack({ loops: { cron: false, net: false } });
const { stack, sql } = fixture;
const { storage } = fixture.connectAs(stack.keys.secret);
Deno.test.afterAll(() => fixture.stop());

Deno.test("a bucket is created once, read, changed and listed", async () => {
  const settings = {
    public: false,
    fileSizeLimit: "2MiB",
    allowedMimeTypes: ["application/yaml", "text/*"],
  };
  assert.equal((await storage.createBucket("files", settings)).error, null);
  const again = await storage.createBucket("files", settings);
  assert.match(again.error?.message ?? "", /already exists/);
  const { data } = await storage.getBucket("files");
  assert.deepEqual(
    [data?.public, data?.file_size_limit, data?.allowed_mime_types],
    [false, 2 * 1024 * 1024, ["application/yaml", "text/*"]],
  );
  await storage.updateBucket("files", { ...settings, fileSizeLimit: 100 });
  assert.deepEqual((await storage.listBuckets()).data?.map((b) => [b.id, b.file_size_limit]), [
    ["files", 100],
  ]);
  assert.match((await storage.getBucket("none")).error?.message ?? "", /Bucket not found/);
});

Deno.test("an upload comes back byte for byte, and SQL sees its metadata", async () => {
  const bytes = new Uint8Array([0, 1, 255, 10, 13, 0]);
  const uploaded = await storage.from("files").upload("a/b c/ü.yml", bytes, {
    contentType: "application/yaml",
  });
  assert.equal(uploaded.error, null);
  const { data } = await storage.from("files").download("a/b c/ü.yml");
  assert.deepEqual(new Uint8Array(await data!.arrayBuffer()), bytes);
  assert.equal(data!.type, "application/yaml");
  const [row] = await sql`select name, metadata from storage.objects where bucket_id = 'files'`;
  assert.equal(row.name, "a/b c/ü.yml");
  assert.deepEqual([row.metadata.size, row.metadata.mimetype], [6, "application/yaml"]);
  assert.match(row.metadata.eTag, /^"[0-9a-f]{32}"$/);
});

Deno.test("a second upload needs upsert, and changes the etag and not the id", async () => {
  const files = storage.from("files");
  const read = () =>
    sql`select id, metadata ->> 'eTag' as etag from storage.objects
    where name = 'twice.txt'`;
  await files.upload("twice.txt", "one", { contentType: "text/plain" });
  const [before] = await read();
  const refused = await files.upload("twice.txt", "two", { contentType: "text/plain" });
  assert.match(refused.error?.message ?? "", /already exists/);
  assert.equal(await (await files.download("twice.txt")).data?.text(), "one");
  await files.upload("twice.txt", "two", { contentType: "text/plain", upsert: true });
  const [after] = await read();
  assert.equal(await (await files.download("twice.txt")).data?.text(), "two");
  assert.equal(after.id, before.id);
  assert.notEqual(after.etag, before.etag);
  await files.update("twice.txt", new Blob(["three"], { type: "text/plain" }));
  assert.equal(await (await files.download("twice.txt")).data?.text(), "three");
  assert.notEqual(
    (await files.update("never.txt", "x", { contentType: "text/plain" })).error,
    null,
  );
});

Deno.test("a listing shows folders, sorts and pages", async () => {
  const files = storage.from("files");
  for (const name of ["z.txt", "dir/one.txt", "dir/two.txt"]) {
    await files.upload(name, name, { contentType: "text/plain" });
  }
  const top = await files.list();
  assert.deepEqual(top.data?.map((entry) => [entry.name, entry.id === null]), [
    ["a", true],
    ["dir", true],
    ["twice.txt", false],
    ["z.txt", false],
  ]);
  const inside = await files.list("dir", { sortBy: { column: "name", order: "desc" } });
  assert.deepEqual(inside.data?.map((entry) => entry.name), ["two.txt", "one.txt"]);
  assert.deepEqual((await files.list("dir", { limit: 1, offset: 1 })).data?.map((e) => e.name), [
    "two.txt",
  ]);
});

Deno.test("a file is described, removed, and then not found", async () => {
  const files = storage.from("files");
  const info = await files.info("z.txt");
  assert.deepEqual([info.data?.size, info.data?.contentType], [5, "text/plain"]);
  const removed = await files.remove(["z.txt", "dir/one.txt", "unknown.txt"]);
  assert.deepEqual(removed.data?.map((entry) => entry.name).sort(), ["dir/one.txt", "z.txt"]);
  assert.notEqual((await files.download("z.txt")).error, null);
  assert.equal((await files.exists("z.txt")).data, false);
});

Deno.test("a file too large or of a wrong type is refused and leaves nothing", async () => {
  const files = storage.from("files");
  const large = await files.upload("large.txt", "x".repeat(101), { contentType: "text/plain" });
  assert.match(large.error?.message ?? "", /maximum allowed size/);
  const wrong = await files.upload("wrong.png", "x", { contentType: "image/png" });
  assert.match(wrong.error?.message ?? "", /mime type image\/png is not supported/);
  const rows = await sql`select from storage.objects where name in ('large.txt', 'wrong.png')`;
  assert.equal(rows.length, 0);
});

Deno.test("a private bucket is closed to anon and to users", async () => {
  const user = await stack.signJwt({ role: "authenticated", sub: crypto.randomUUID() });
  for (const token of [undefined, user]) {
    const client = fixture.connectAs(stack.keys.publishable, token).storage;
    assert.deepEqual((await client.listBuckets()).data, []);
    assert.notEqual((await client.from("files").download("twice.txt")).error, null);
    assert.deepEqual((await client.from("files").list()).data, []);
    const upload = await client.from("files").upload("x.txt", "x", { contentType: "text/plain" });
    assert.match(upload.error?.message ?? "", /row-level security/);
    assert.deepEqual((await client.from("files").remove(["twice.txt"])).data, []);
    const url = `${stack.url}/storage/v1/object/public/files/twice.txt`;
    const open = await fetch(url, { headers: { apikey: stack.keys.publishable } });
    assert.equal(open.status, 400);
    await open.body?.cancel();
  }
  assert.equal(await (await storage.from("files").download("twice.txt")).data?.text(), "three");
});

Deno.test("Storage that is away answers 503", async () => {
  stack.setAway("storage", true);
  const response = await fetch(`${stack.url}/storage/v1/bucket`, {
    headers: { apikey: stack.keys.secret },
  });
  assert.equal(response.status, 503);
  await response.body?.cancel();
  stack.setAway("storage", false);
  assert.equal((await storage.listBuckets()).error, null);
});
