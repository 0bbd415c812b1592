import assert from "node:assert/strict";
import type { StorageApi } from "../database/client.ts";
import { OUTPUT_BUCKET, OutputBucket } from "./bucket.ts";
import { pruneOutputs } from "./prune.ts";

interface Failure {
  message: string;
  status?: number;
  statusCode?: string;
}

const RUN = "00000000-0000-7000-8000-000000000001";
const owner = { workflow_run_id: RUN, job_id: 7, attempt: 2 };

/** Storage as supabase-js shows it: answers instead of thrown errors. */
class MemoryStorage {
  readonly files = new Map<string, Blob>();
  readonly created: { name: string; options: unknown }[] = [];
  hasBucket = true;
  failNext: Failure | null = null;

  readonly api = {
    createBucket: (name: string, options: unknown) => {
      if (this.hasBucket) {
        return this.#fail({ message: "already exists", statusCode: "409" });
      }
      this.hasBucket = true;
      this.created.push({ name, options });
      return this.#answer({ name });
    },
    getBucket: () => this.hasBucket ? this.#answer({}) : this.#missing("Bucket"),
    from: (bucket: string) => {
      assert.equal(bucket, OUTPUT_BUCKET);
      return {
        upload: (path: string, blob: Blob, options: { upsert: boolean }) => {
          if (!this.hasBucket) return this.#missing("Bucket");
          assert.equal(options.upsert, false);
          this.files.set(path, blob);
          return this.#answer({ path });
        },
        download: (path: string) => {
          const file = this.files.get(path);
          return file === undefined ? this.#missing("Object") : this.#answer(file);
        },
        remove: (paths: string[]) => {
          for (const path of paths) this.files.delete(path);
          return this.#answer([]);
        },
      };
    },
  } as unknown as StorageApi;

  #answer(data: unknown) {
    const error = this.failNext;
    this.failNext = null;
    return Promise.resolve(
      error === null ? { data, error } : { data: null, error },
    );
  }

  #fail(error: Failure) {
    return Promise.resolve({ data: null, error });
  }

  #missing(what: string) {
    return this.#fail({
      message: `${what} not found`,
      status: 400,
      statusCode: "404",
    });
  }
}

function setUp() {
  const storage = new MemoryStorage();
  return { storage, bucket: new OutputBucket(storage.api) };
}

Deno.test("an output comes back as it was put, whatever its value", async () => {
  const { bucket } = setUp();
  for (const value of [null, 0, "", "ä € 🚀", [1, [2]], { a: { "": null } }]) {
    const ref = await bucket.put(owner, JSON.stringify(value));
    assert.deepEqual(await bucket.get(ref), value);
  }
});

Deno.test("a reference tells path, size in bytes and digest", async () => {
  const { bucket } = setUp();
  const { path, bytes, sha256 } = await bucket.put(owner, '"ä"');
  assert.match(path, new RegExp(`^${RUN}/7-2-[0-9a-f]{8}\\.json$`));
  assert.equal(bytes, 4);
  assert.equal(
    sha256,
    "1e5f2b0a7756f4b45eed5d71769ae579e023f70efba74bd855057914c7e16d40",
  );
});

Deno.test("no two outputs have the same file, those of one attempt included", async () => {
  const { storage, bucket } = setUp();
  const first = await bucket.put(owner, "1");
  const second = await bucket.put(owner, "2");
  assert.notEqual(first.path, second.path);
  assert.equal(storage.files.size, 2);
});

Deno.test("the first output of a project without the bucket creates it, private", async () => {
  const { storage, bucket } = setUp();
  storage.hasBucket = false;
  assert.equal(await bucket.exists(), false);
  assert.equal(await bucket.get(await bucket.put(owner, "1")), 1);
  assert.deepEqual(storage.created, [
    {
      name: OUTPUT_BUCKET,
      options: { public: false, fileSizeLimit: 5_242_880 },
    },
  ]);
  assert.equal(await bucket.exists(), true);
});

Deno.test("creating a bucket that is there already is no error", async () => {
  const { bucket } = setUp();
  assert.equal(await bucket.create(), false);
});

Deno.test("a file that is not what was stored is refused", async () => {
  const { storage, bucket } = setUp();
  const ref = await bucket.put(owner, "1");
  storage.files.set(ref.path, new Blob(["2"]));
  await assert.rejects(bucket.get(ref), {
    kind: "internal",
    message: /not what was stored/,
  });
});

Deno.test("Storage that is away is unavailable, for reading, writing and removing", async () => {
  const { storage, bucket } = setUp();
  const ref = await bucket.put(owner, "1");
  const actions = [
    () => bucket.put(owner, "2"),
    () => bucket.get(ref),
    () => bucket.remove([ref.path]),
  ];
  for (const action of actions) {
    storage.failNext = { message: "bad gateway", status: 502 };
    await assert.rejects(action(), { kind: "unavailable" });
  }
});

Deno.test("pruning removes stale files batch by batch and then forgets them", async () => {
  const { storage, bucket } = setUp();
  const stale = Array.from(
    { length: 1_203 },
    (_, index) => `${RUN}/${index}-1.json`,
  );
  for (const path of stale) storage.files.set(path, new Blob(["1"]));
  const kept = await bucket.put(owner, "1");
  const rpc = {
    listStaleOutputs: ({ limit }: { limit: number }) =>
      Promise.resolve({ paths: stale.slice(0, limit) }),
    forgetOutputs: ({ paths }: { paths: string[] }) => {
      assert.ok(
        paths.every((path) => !storage.files.has(path)),
        "forgotten before it was removed",
      );
      stale.splice(0, paths.length);
      return Promise.resolve({});
    },
  };
  assert.deepEqual(await pruneOutputs(rpc, bucket), { outputs_removed: 1_203 });
  assert.deepEqual([...storage.files.keys()], [kept.path]);
  assert.deepEqual(await pruneOutputs(rpc, bucket), { outputs_removed: 0 });
});

Deno.test("files that cannot be removed are not forgotten", async () => {
  const { storage, bucket } = setUp();
  storage.failNext = { message: "away", status: 503 };
  const rpc = {
    listStaleOutputs: () => Promise.resolve({ paths: ["a"] }),
    forgetOutputs: () => assert.fail("forgotten"),
  };
  await assert.rejects(pruneOutputs(rpc, bucket), { kind: "unavailable" });
});
