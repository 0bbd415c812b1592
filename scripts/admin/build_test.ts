// The dashboard's files are for everybody's eyes and for slow lines: no secret in them, nothing that breaks
// out of its place, few bytes, and names that may be cached for ever.
import assert from "node:assert/strict";
import { buildDashboard, stopBuilder } from "./build.ts";

const PUBLISHABLE = "sb_publishable_abc";
const MAX_GZIP_BYTES = 80_000;

const folder = await Deno.makeTempDir({ prefix: "dashboard-" });
Deno.test.afterAll(async () => {
  await stopBuilder();
  await Deno.remove(folder, { recursive: true });
});

const build = (url = "", publishableKey = PUBLISHABLE) =>
  buildDashboard({ url, publishableKey, outDir: folder });

const readPage = () => Deno.readTextFile(`${folder}/index.html`);

Deno.test("no page makes a browser load 80 kB gzipped, its graph or charts included", async () => {
  const files = await build();
  const byName = new Map(files.map((file) => [file.name, file]));
  const collect = (names: string[], found: Set<string>, withLazy: boolean) => {
    for (const name of names.filter((it) => !found.has(it))) {
      found.add(name);
      const { imports, lazyImports } = byName.get(name)!;
      collect(
        withLazy ? [...imports, ...lazyImports] : imports,
        found,
        withLazy,
      );
    }
    return found;
  };
  const start = collect(["index.html"], new Set(), false);
  const later = [...start].flatMap((name) => byName.get(name)!.lazyImports);
  assert.ok(
    later.length >= 3,
    "pages and charts are loaded when they are needed",
  );
  for (const name of later) {
    const loaded = collect([name], new Set(start), true);
    const total = [...loaded].reduce(
      (sum, it) => sum + byName.get(it)!.gzipBytes,
      0,
    );
    console.log(`  with ${name}: ${(total / 1000).toFixed(1)} kB gzipped`);
    assert.ok(total < MAX_GZIP_BYTES, [...loaded].join(", "));
  }
});

Deno.test("every file but the page bears a hash in its name, and the page names only files that are there", async () => {
  const names = (await build()).map(({ name }) => name);
  assert.deepEqual(
    names.filter((name) => !/-[A-Z0-9]{8}\.(js|css)$/.test(name)),
    ["index.html"],
  );
  const page = await readPage();
  const named = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, name]) => name);
  for (const name of named.filter((it) => !it.startsWith("data:"))) {
    assert.ok(names.includes(name), `${name} is not among ${names}`);
  }
  const onDisk = await Array.fromAsync(
    Deno.readDir(folder),
    ({ name }) => name,
  );
  assert.deepEqual(onDisk.sort(), names.sort());
});

Deno.test("what an earlier build left behind goes", async () => {
  await Deno.writeTextFile(`${folder}/main-OLDOLDOL.js`, "");
  await build();
  await assert.rejects(
    Deno.stat(`${folder}/main-OLDOLDOL.js`),
    Deno.errors.NotFound,
  );
});

Deno.test("a secret key is refused, and nothing is written", async () => {
  const claims = btoa(JSON.stringify({ role: "service_role" })).replaceAll(
    "=",
    "",
  );
  await build();
  const before = await readPage();
  for (const key of ["sb_secret_abc", `eyJhbGciOiJIUzI1NiJ9.${claims}.c2ln`]) {
    await assert.rejects(build("", key), /secret key.*publishable/s);
  }
  assert.equal(await readPage(), before);
  const anon = btoa(JSON.stringify({ role: "anon" })).replaceAll("=", "");
  await build("", `eyJhbGciOiJIUzI1NiJ9.${anon}.c2ln`);
});

Deno.test("a key cannot break out of its data block", async () => {
  const key = `</script><script>alert("$&")</script><!--`;
  await build("", key);
  const page = await readPage();
  const [, block] = /<script type="application\/json" id="config">([^]*?)<\/script>/.exec(
    page,
  )!;
  assert.deepEqual(JSON.parse(block), { url: "", publishableKey: key });
  assert.equal(page.match(/<script/g)?.length, 2);
});

Deno.test("the page may call its project and nobody else, and runs no code but its own files", async () => {
  await build("https://abc.supabase.co/some/path?x=1");
  const [, policy] = /Content-Security-Policy" content="([^"]+)"/.exec(
    await readPage(),
  )!;
  assert.match(policy, /connect-src 'self' https:\/\/abc\.supabase\.co;/);
  assert.match(policy, /script-src 'self';/);
  assert.doesNotMatch(policy, /unsafe|\*/);
});

Deno.test("a URL that is none is refused with the URL", async () => {
  await assert.rejects(build("abc.supabase.co"), /abc\.supabase\.co/);
});
