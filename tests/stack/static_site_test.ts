// Static sites of the gateway: what is found, what is not, and what browsers are told about it.
import assert from "node:assert/strict";
import { connect } from "node:net";
import { startFixtureStack } from "./stack_fixture.ts";

const folder = await Deno.makeTempDir({ prefix: "site-" });
const SCRIPT = `export const text = "${"lorem ipsum ".repeat(200)}";\n`;
const PAGE = "<!doctype html><title>A page</title>\n";
await Deno.mkdir(`${folder}/site/images`, { recursive: true });
await Deno.writeTextFile(`${folder}/outside.txt`, "secret");
await Deno.writeTextFile(`${folder}/site/.hidden`, "secret");
await Deno.writeTextFile(`${folder}/site/index.html`, PAGE);
await Deno.writeTextFile(`${folder}/site/main-AB12CD34.js`, SCRIPT);
await Deno.writeTextFile(`${folder}/site/plain.css`, "a{}");
await Deno.writeTextFile(`${folder}/site/images/dot.svg`, "<svg/>");

let source: () => Promise<string> = () => Promise.resolve(`${folder}/site`);
const { stack, stop } = await startFixtureStack({
  loops: { cron: false, net: false },
  sites: { "/admin/site": () => source(), "/docs": `${folder}/site` },
});
Deno.test.afterAll(async () => {
  await stop();
  await Deno.remove(folder, { recursive: true });
});

/** Sends the path as it is: fetch would resolve it first. */
async function askRaw(path: string, headers: string[] = [], method = "GET"): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect(Number(new URL(stack.url).port), "127.0.0.1");
  let text = "";
  socket.setEncoding("latin1");
  socket.on("data", (part) => text += part);
  socket.on("end", () => resolve(text));
  socket.on("error", reject);
  const lines = [`${method} ${path} HTTP/1.1`, "host: localhost", "connection: close", ...headers];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  return await promise;
}

const get = (path: string, headers: Record<string, string> = {}, method = "GET") =>
  fetch(`${stack.url}${path}`, { method, headers, redirect: "manual" });

Deno.test("a site's folder is its page, and the path without a slash leads there", async () => {
  const moved = await get("/admin/site?a=b");
  await moved.body?.cancel();
  assert.deepEqual([moved.status, moved.headers.get("location")], [308, "/admin/site/?a=b"]);
  const page = await get("/admin/site/");
  assert.equal(await page.text(), PAGE);
  assert.equal(page.headers.get("content-type"), "text/html; charset=utf-8");
  assert.equal(page.headers.get("cache-control"), "no-cache");
  assert.equal(await (await get("/docs/index.html")).text(), PAGE);
});

Deno.test("files have their types, and those with a hash in their name are kept for a year", async () => {
  const files: [path: string, type: string, cache: string][] = [
    ["main-AB12CD34.js", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"],
    ["plain.css", "text/css; charset=utf-8", "no-cache"],
    ["images/dot.svg", "image/svg+xml", "no-cache"],
  ];
  for (const [path, type, cache] of files) {
    const { status, headers, body } = await get(`/admin/site/${path}`);
    await body?.cancel();
    assert.equal(status, 200);
    assert.equal(headers.get("content-type"), type);
    assert.equal(headers.get("cache-control"), cache);
  }
});

Deno.test("every answer keeps foreign code and frames out, a missing file's too", async () => {
  for (const path of ["", "plain.css", "none.html"]) {
    const { headers, body } = await get(`/admin/site/${path}`);
    await body?.cancel();
    const policy = headers.get("content-security-policy")!;
    assert.match(policy, /^default-src 'none'; script-src 'self'; .*frame-ancestors 'none'$/);
    assert.doesNotMatch(policy, /unsafe/);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("referrer-policy"), "no-referrer");
    assert.equal(headers.get("access-control-allow-origin"), null);
  }
});

Deno.test("a browser that has the file gets no bytes, until the file changes", async () => {
  const first = await get("/admin/site/plain.css");
  await first.body?.cancel();
  const etag = first.headers.get("etag")!;
  const again = await get("/admin/site/plain.css", { "if-none-match": `"x", ${etag}` });
  assert.deepEqual([again.status, await again.text()], [304, ""]);
  assert.equal(again.headers.get("etag"), etag);
  await Deno.writeTextFile(`${folder}/site/plain.css`, "a{color:red}");
  const changed = await get("/admin/site/plain.css", { "if-none-match": etag });
  assert.deepEqual([changed.status, await changed.text()], [200, "a{color:red}"]);
  await Deno.writeTextFile(`${folder}/site/plain.css`, "a{}");
});

Deno.test("text is compressed for whoever takes it", async () => {
  const path = "/admin/site/main-AB12CD34.js";
  for (
    const [accepted, isCompressed] of [["gzip, br", true], ["br;q=1, gzip;q=0", false]] as const
  ) {
    const head = (await askRaw(path, [`accept-encoding: ${accepted}`], "HEAD")).toLowerCase();
    assert.equal(/content-encoding: gzip/.test(head), isCompressed, head);
    assert.match(head, /vary: accept-encoding/);
    const length = Number(/content-length: (\d+)/.exec(head)?.[1]);
    assert.ok(isCompressed ? length < SCRIPT.length / 4 : length === SCRIPT.length, head);
  }
  const response = await get(path);
  assert.equal(response.headers.get("content-encoding"), "gzip");
  assert.equal(await response.text(), SCRIPT);
});

Deno.test("nothing outside the folder and nothing hidden is served, however it is spelt", async () => {
  const paths = [
    "../outside.txt",
    "%2e%2e/outside.txt",
    "%2e%2e%2foutside.txt",
    "..%2foutside.txt",
    "..%5coutside.txt",
    "images/..%2f..%2foutside.txt",
    "images/%2e%2e%2f%2e%2e%2foutside.txt",
    `%2f${folder.slice(1)}/outside.txt`,
    ".hidden",
    "%2ehidden",
    "index.html%00",
    "%zz",
    "images",
    "images/",
    "plain.css/x",
    "//index.html",
  ];
  for (const path of paths) {
    const text = await askRaw(`/admin/site/${path}`);
    assert.match(text, /^HTTP\/1\.1 404 /, path);
    assert.doesNotMatch(text, /secret/);
  }
});

Deno.test("only reading is answered", async () => {
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
    const { status, headers, body } = await get("/admin/site/", {}, method);
    await body?.cancel();
    assert.deepEqual([status, headers.get("allow")], [405, "GET, HEAD"]);
  }
});

Deno.test("a path that only begins alike is not the site's", async () => {
  const response = await get("/admin/sites");
  assert.deepEqual(await response.json(), { message: "no Route matched with those values" });
});

Deno.test("a folder that cannot be made is told with the reason, and the next request tries again", async () => {
  const before = source;
  source = () => Promise.reject(new Error("line 7 has no end"));
  const broken = await get("/admin/site/");
  assert.equal(broken.status, 500);
  assert.equal(await broken.text(), "cannot serve /admin/site: line 7 has no end\n");
  source = before;
  const mended = await get("/admin/site/");
  await mended.body?.cancel();
  assert.equal(mended.status, 200);
});
