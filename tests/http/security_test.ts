// Who may call the functions: every route of all three with every credential, where what is expected follows
// from the level of the route and the standing of the caller alone. What people are told is in access_test.ts.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { ROUTE_ACCESS } from "../../supabase/functions/orchestrator/routes/access.ts";
import { type Credential, judge, makeCredentials } from "./credentials.ts";
import { type Answer, expectProblem, openHttpStack, send } from "./http_stack.ts";
import { MADE_UP_TOKEN, SAMPLE_CALLS, type SampleCall } from "./sample_calls.ts";
import { readDigests } from "./table_digests.ts";

/** Refusals change nothing, so that their order is of no matter. */
const AT_ONCE = 8;
const SCRAPER_TOKEN = `scraper-${crypto.randomUUID()}`;
const it = await openHttpStack({ env: { ORCHESTRATOR_METRICS_TOKEN: SCRAPER_TOKEN } });
Deno.test.afterAll(() => it.stop());

const credentials = await makeCredentials(it, SCRAPER_TOKEN);
const functionNames = [...new Set(SAMPLE_CALLS.map(({ functionName }) => functionName))];
const headCalls = SAMPLE_CALLS.filter(({ method }) => method === "GET")
  .map((sample) => ({ ...sample, method: "HEAD" }));

async function call(sample: SampleCall, credential: Credential): Promise<Answer> {
  const { functionName, method } = sample;
  const { headers, query = "", members, token = MADE_UP_TOKEN } = credential;
  const path = sample.path.replace(MADE_UP_TOKEN, token);
  const search = path.includes("?") ? query.replace("?", "&") : query;
  const hasBody = method === "POST" || method === "PUT";
  const body = members !== undefined && hasBody
    ? { ...sample.body as object | undefined, ...members }
    : sample.body;
  const url = `${it.stack.url}/functions/v1/${functionName}${path}${search}`;
  return await send(url, method, { body, headers });
}

/** What every answer must have, and what none may have. */
function checkHeaders({ status, headers }: Answer, what: string): void {
  assert.equal(headers.get("x-content-type-options"), "nosniff", what);
  assert.match(headers.get("cache-control") ?? "", /^no-store\b/, what);
  assert.match(headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/, what);
  const asked = status === 401 ? 'Bearer realm="service"' : null;
  assert.equal(headers.get("www-authenticate"), asked, what);
  for (const name of ["server", "x-powered-by", "via", "set-cookie"]) {
    assert.equal(headers.get(name), null, `${what}: ${name}`);
  }
  const forPages = [...headers.keys()].filter((name) => name.startsWith("access-control-"));
  assert.deepEqual(forPages, [], what);
}

/** A refusal says that it is one and why, by its kind, and nothing of what lies behind it. */
function checkRefusal(answer: Answer, sample: SampleCall, status: 401 | 403, what: string): void {
  const kind = status === 403 ? "forbidden" : "unauthorized";
  if (sample.method === "HEAD") {
    assert.deepEqual([answer.status, answer.text], [status, ""], what);
    return;
  }
  if (sample.functionName === "agent-proxy") {
    const { error, request_id: _, ...rest } = answer.body;
    assert.equal(answer.status, status, what);
    assert.deepEqual(rest, { ok: false, retryable: false, code: kind }, what);
    assert.match(String(error), /^authenticating: /, what);
  } else {
    const message = sample.refusal ?? /^(authenticating|authorizing): /;
    expectProblem(answer, { status, kind, message }, what);
    const members = ["detail", "kind", "request_id", "status", "title", "type"];
    assert.deepEqual(Object.keys(answer.body).sort(), members, what);
  }
  assert.ok(answer.text.length < 500, `${what}: ${answer.text}`);
}

/** Secrets that were sent, wherever in a request. */
function listSecrets({ headers = {}, members = {}, token = "" }: Credential): string[] {
  const sent = [...Object.values(headers), ...Object.values(members), token];
  return sent.map((value) => value.replace(/^(Bearer|Basic) /, "")).filter((it) => it.length > 15);
}

Deno.test("every route of every function has a sample call, and a level in the access table", async () => {
  const folder = fileURLToPath(new URL("../../supabase/functions/", import.meta.url));
  const names = [...Deno.readDirSync(folder)].filter((entry) => entry.isDirectory)
    .map((entry) => entry.name).filter((name) => !name.startsWith("_"));
  assert.deepEqual(names.sort(), functionNames.toSorted());
  for (const name of names) {
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", new URL("./list_routes.ts", import.meta.url).href, name],
      env: { NO_COLOR: "1" },
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    const routes: string[] = JSON.parse(new TextDecoder().decode(stdout));
    const known = SAMPLE_CALLS.filter(({ functionName }) => functionName === name);
    assert.deepEqual(known.map(({ route }) => route).sort(), routes.sort(), name);
    // A route that is missing there would be for service keys alone, by mistake or on purpose.
    if (name === "orchestrator") assert.deepEqual(Object.keys(ROUTE_ACCESS).sort(), routes.sort());
  }
});

Deno.test("an open route says whose credential it takes instead", () => {
  for (const { route, level, opensWith } of SAMPLE_CALLS) {
    assert.equal(level === "open", opensWith !== undefined, route);
  }
  const isForNobody = credentials.every(({ opens }) => opens !== "none");
  assert.ok(isForNobody && credentials.length > 50, `${credentials.length} credentials`);
});

/** Sends every call that this credential must not open; answers how many there were. */
async function expectRefusals(
  samples: readonly SampleCall[],
  credential: Credential,
): Promise<number> {
  const before = await readDigests(it.sql);
  const secrets = listSecrets(credential);
  const refused = samples.flatMap((sample) => {
    const verdict = judge(sample, credential);
    return verdict === "let in" ? [] : [{ sample, verdict }];
  });
  const expectRefusal = async ({ sample, verdict }: typeof refused[number]) => {
    const said = `${sample.method} ${sample.functionName}${sample.path} with ${credential.what}`;
    const answer = await call(sample, credential);
    checkRefusal(answer, sample, verdict, said);
    checkHeaders(answer, said);
    for (const secret of secrets) assert.ok(!answer.text.includes(secret), said);
  };
  for (let at = 0; at < refused.length; at += AT_ONCE) {
    await Promise.all(refused.slice(at, at + AT_ONCE).map(expectRefusal));
  }
  assert.deepEqual(await readDigests(it.sql), before);
  return refused.length;
}

for (const credential of credentials) {
  Deno.test(`${credential.what} is refused wherever it is not enough, and changes nothing`, async () => {
    // What asks for a credential of its own takes not even a service key.
    assert.ok(await expectRefusals(SAMPLE_CALLS, credential) >= 4);
  });
}

Deno.test("a HEAD is refused as its GET is", async () => {
  const isAsked = /^(no key|the secret key|a viewer's token|a trigger key|the token of .*)$/;
  const asked = credentials.filter(({ what }) => isAsked.test(what));
  assert.deepEqual(new Set(asked.map(({ standing }) => standing)).size, 4);
  for (const credential of asked) await expectRefusals(headCalls, credential);
});

Deno.test("a stranger learns nothing about which paths and methods there are", async () => {
  for (const name of functionNames) {
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
      for (const path of ["", "/", "/nothing", "/dispatch", "//dispatch", "/x/../dispatch"]) {
        const url = `${it.stack.url}/functions/v1/${name}${path}`;
        const { status, text } = await send(url, method);
        assert.equal(status, 401, `${method} ${name}${path}: ${text}`);
        assert.doesNotMatch(text, /did you mean|takes POST/);
      }
    }
  }
});

Deno.test("no other spelling of a path or method gets a viewer further", async () => {
  const viewer = credentials.find(({ what }) => what === "a viewer's token")!;
  const before = await readDigests(it.sql);
  const paths = [
    ...["/workflows/sync/", "//workflows/sync", "/workflows//sync", "/workflows/./sync"],
    ...["/workflows/%73ync", "/workflows%2fsync", "/workflows/sync%00", "/workflows/sync;a=b"],
    ...["/Workflows/Sync", "/x/../workflows/sync", "/orchestrator/workflows/sync"],
    ...["/functions/v1/orchestrator/workflows/sync", "/workflows/sync?_method=GET"],
  ];
  for (const path of paths) {
    for (const method of ["POST", "PATCH"]) {
      const { status, text } = await send(
        `${it.stack.url}/functions/v1/orchestrator${path}`,
        method,
        { headers: { ...viewer.headers, "x-http-method-override": "GET" } },
      );
      assert.equal(status, 403, `${method} ${path}: ${text}`);
    }
  }
  assert.deepEqual(await readDigests(it.sql), before);
});

for (const credential of credentials) {
  const { what, standing } = credential;
  const opened = SAMPLE_CALLS.filter((sample) =>
    sample.opensWith !== "none" && judge(sample, credential) === "let in"
  );
  if (opened.length === 0) continue;

  Deno.test(`${what} is let in wherever it is enough`, async () => {
    await it.sql`select orchestrator.tick_worker(), orchestrator.tick_cron()`;
    const before = await readDigests(it.sql);
    for (const sample of opened) {
      const said = `${sample.method} ${sample.functionName}${sample.path} with ${what}`;
      const answer = await call(sample, credential);
      const { status, personStatus } = sample;
      const expected = standing === "service" ? status : personStatus ?? status;
      assert.equal(answer.status, expected, `${said}: ${answer.text}`);
      checkHeaders(answer, said);
    }
    // The same calls that were refused would have been seen in the tables.
    const isActing = standing === "operator" || standing === "service";
    if (isActing) assert.notDeepEqual(await readDigests(it.sql), before);
  });
}

Deno.test("everybody reads the description of the routes, whatever is sent along", async () => {
  const sample = SAMPLE_CALLS.find(({ opensWith }) => opensWith === "none")!;
  for (const credential of credentials) {
    const answer = await call(sample, credential);
    assert.equal(answer.status, sample.status, credential.what);
    checkHeaders(answer, credential.what);
  }
});

Deno.test("no log has a credential that was sent", () => {
  const logs = functionNames.map((name) => it.stack.logs(name)).join("\n");
  assert.ok(logs.length > 1_000, "the functions have written logs");
  for (const credential of credentials) {
    for (const secret of listSecrets(credential)) {
      assert.ok(!logs.includes(secret), `${credential.what} is in a log`);
    }
  }
});
