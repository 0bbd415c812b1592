// What an app's users see of their runs while they go on: over HTTP, with real tokens.
import assert from "node:assert/strict";
import { ROUTE_ACCESS } from "../../supabase/functions/orchestrator/routes/access.ts";
import { publish } from "../harness/definition.ts";
import { waitFor } from "../harness/stack.ts";
import { drain, lease, settle, success } from "../harness/worker.ts";
import { openDatabase } from "../harness/database.ts";
import { expectProblem, openHttpStack, send } from "../http/http_stack.ts";
import { createPerson } from "../http/signed_in.ts";
import { type OpenedStream, openEvents } from "./event_stream.ts";

const STREAM_MS = 3_000;
const it = await openHttpStack({
  settings: { progress_stream_ms: STREAM_MS, progress_max_streams: 2 },
  isArranged: true,
});
Deno.test.afterAll(() => it.stop());
const db = await openDatabase({ isArranged: true });
Deno.test.afterAll(() => db.close());

const NOBODY = "00000000-0000-4000-8000-000000000000";
const CALL = "/functions/v1/own/agent";

async function publishSteps(key: string, steps: Record<string, unknown>[]): Promise<void> {
  const source = JSON.stringify({ key, trigger: { type: "manual" }, steps });
  const { status, text } = await it.ask("POST", "/orchestrator/workflows", { body: { source } });
  assert.ok(status === 200 || status === 201, text);
}

await publishSteps("pair", [{ id: "a", call: CALL }, { id: "b", depends_on: ["a"], call: CALL }]);

async function dispatch(user_id: string, workflow_key = "pair"): Promise<string> {
  // In the future: nobody works on it but the test.
  const run_at = "2099-01-01T00:00:00Z";
  const { body } = await it.ask("POST", "/orchestrator/dispatch", {
    body: { user_id, workflow_key, run_at },
  });
  return body.workflow_run_id as string;
}

/** Ends a step, as a worker's settle would show it. */
async function setStep(runId: string, stepId: string, status: string): Promise<void> {
  const isEnd = status === "success";
  await it.sql`
    update job_queue set status = ${status}, finished_at = ${isEnd ? new Date() : null},
      open_dependencies = 0
    where workflow_run_id = ${runId} and step_id = ${stepId}`;
}

const urlOf = (runId: string) => `${it.stack.url}/functions/v1/orchestrator/runs/${runId}/events`;

const watch = (
  runId: string,
  headers: Record<string, string> = { apikey: it.stack.keys.secret },
  lastEventId?: string,
): Promise<OpenedStream> =>
  openEvents(urlOf(runId), {
    ...headers,
    ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }),
  });

Deno.test("a user sees the whole state, then what changes, then the end", async () => {
  const ada = await createPerson(it, null);
  const runId = await dispatch(ada.userId);
  const stream = await watch(runId, ada.headers);
  assert.equal(stream.status, 200);
  assert.match(stream.headers.get("content-type")!, /^text\/event-stream/);
  const first = await stream.next();
  assert.equal(first?.event, "progress");
  assert.deepEqual([first?.data.is_whole, first?.data.status], [true, "running"]);
  assert.deepEqual(
    first?.data.steps.map((step: Record<string, unknown>) => [step.step_id, step.status]),
    [["a", "queued"], ["b", "waiting"]],
  );
  await setStep(runId, "a", "success");
  const second = await stream.next();
  assert.deepEqual(
    [second?.data.is_whole, second?.data.steps.map((step: { step_id: string }) => step.step_id)],
    [false, ["a"]],
  );
  assert.notEqual(second?.id, first?.id);
  await it.sql.begin(async (sql) => {
    await sql`
      update job_queue set status = 'success', finished_at = now(), open_dependencies = 0
      where workflow_run_id = ${runId}`;
    await sql`
      update workflow_runs set status = 'success', finished_at = now(), open_sinks = 0
      where workflow_run_id = ${runId}`;
  });
  const { events, text } = await stream.rest();
  assert.deepEqual(events.map(({ event }) => event), ["progress", "end"]);
  assert.deepEqual(events[1].data, { workflow_run_id: runId, status: "success" });
  assert.match(text, /^retry: 2000\n\n/);

  const again = await watch(runId, ada.headers, events[1].id);
  assert.equal(again.status, 204);
  const late = await watch(runId, ada.headers, first!.id);
  assert.deepEqual((await late.rest()).events.map(({ event }) => event), ["progress", "end"]);
});

Deno.test("who comes back gets nothing while nothing changed, and the whole state otherwise", async () => {
  const runId = await dispatch("u");
  const stream = await watch(runId);
  const first = await stream.next();
  // The stream ends with its time, and without an end of the run.
  const { events, text } = await stream.rest();
  assert.deepEqual(events, []);
  assert.match(text, /: time is up/);

  const again = await watch(runId, undefined, first!.id);
  await setStep(runId, "a", "success");
  const change = await again.next();
  assert.deepEqual(
    [change?.data.is_whole, change?.data.steps.length],
    [false, 1],
    "the known state is what the change is told from",
  );
  again.leave();
  await setStep(runId, "b", "queued");
  const missed = await watch(runId, undefined, change!.id);
  assert.deepEqual([(await missed.next())?.data.is_whole], [true]);
  missed.leave();
});

Deno.test("nobody sees the run of somebody else, and cannot tell it from one that is not there", async () => {
  const [ada, eve, viewer, operator] = [
    await createPerson(it, null),
    await createPerson(it, null),
    await createPerson(it, "viewer"),
    await createPerson(it, "operator"),
  ];
  const guest = await createPerson(it, null, { is_anonymous: true });
  const runId = await dispatch(ada.userId);
  for (const other of [eve, guest]) {
    const [refused, absent] = [
      await send(urlOf(runId), "GET", { headers: other.headers }),
      await send(urlOf(NOBODY), "GET", { headers: other.headers }),
    ];
    expectProblem(refused, { status: 404, kind: "not_found" });
    expectProblem(absent, { status: 404, kind: "not_found" });
    assert.equal(
      (refused.body.detail as string).replace(runId, "X"),
      (absent.body.detail as string).replace(NOBODY, "X"),
    );
  }
  for (const person of [viewer, operator]) {
    const stream = await watch(runId, person.headers);
    assert.equal((await stream.next())?.event, "progress");
    stream.leave();
  }
  await waitForPlaces();
  const own = await watch(await dispatch(guest.userId), guest.headers);
  assert.equal((await own.next())?.event, "progress");
  own.leave();
  const nobody = await send(urlOf(runId), "GET", {
    headers: { apikey: it.stack.keys.publishable },
  });
  expectProblem(nobody, { status: 401, kind: "unauthorized" });
});

Deno.test("a user without a role gets to no other route", async () => {
  const ada = await createPerson(it, null);
  const guest = await createPerson(it, null, { is_anonymous: true });
  for (const [route, level] of Object.entries(ROUTE_ACCESS)) {
    if (level === "user" || level === "open") continue;
    const [method, path] = route.split(" ");
    expectProblem(await ada.ask(method, path), {
      status: 403,
      kind: "forbidden",
      message: /is signed in and has no role here/,
    }, route);
    const anonymous = /an anonymous user has no rights here/;
    const answer = await guest.ask(method, path);
    expectProblem(answer, { status: 403, kind: "forbidden", message: anonymous }, route);
  }
});

/** All streams of this file are over: their places are free again. */
async function waitForPlaces(): Promise<void> {
  const runId = await dispatch("u");
  await waitFor("two free places", async () => {
    const streams = [await watch(runId), await watch(runId)];
    for (const stream of streams) stream.leave();
    return streams.every(({ status }) => status === 200);
  });
}

Deno.test("a stream too many is refused until a client goes away", async () => {
  await waitForPlaces();
  const runId = await dispatch("u");
  const streams: OpenedStream[] = [];
  await waitFor("both places", async () => {
    const stream = await watch(runId);
    if (stream.status === 200) streams.push(stream);
    return streams.length === 2;
  });
  const refused = await send(urlOf(runId), "GET", { headers: { apikey: it.stack.keys.secret } });
  expectProblem(refused, { status: 429, kind: "rate_limited", message: /progress_max_streams/ });
  assert.equal(refused.headers.get("retry-after"), "5");
  streams[0].leave();
  const leftAt = performance.now();
  await waitFor("a place", async () => {
    const stream = await watch(runId);
    if (stream.status !== 200) return false;
    stream.leave();
    return true;
  });
  assert.ok(performance.now() - leftAt < STREAM_MS / 2, "the place came with the client's leaving");
  streams[1].leave();
});

Deno.test("HEAD answers the headers and opens no stream", async () => {
  await waitForPlaces();
  const runId = await dispatch("u");
  for (let times = 0; times < 4; times++) {
    const response = await fetch(urlOf(runId), {
      method: "HEAD",
      headers: { apikey: it.stack.keys.secret },
    });
    assert.equal(response.status, 200);
  }
});

Deno.test("who asks for JSON gets the state and no stream", async () => {
  const ada = await createPerson(it, null);
  const runId = await dispatch(ada.userId);
  const headers = { ...ada.headers, accept: "application/json" };
  const { status, body } = await send(urlOf(runId), "GET", { headers });
  assert.deepEqual([status, body.workflow_run_id, body.status], [200, runId, "running"]);
});

Deno.test("where it is switched on, workers tell Realtime which runs have moved, and nothing else", async () => {
  const [ada, other] = [crypto.randomUUID(), "a-user-of-another-system"];
  it.agents.answer("own/agent", () => Response.json({ ok: true, output: "a secret" }));
  const drainAll = async () => {
    for (const user_id of [ada, other]) {
      await it.ask("POST", "/orchestrator/dispatch", { body: { user_id, workflow_key: "pair" } });
    }
    await it.ask("POST", "/orchestrator/worker?wait=true");
  };
  await drainAll();
  assert.deepEqual(it.stack.listBroadcasts(), []);
  await it
    .sql`insert into orchestrator_settings (name, value) values ('realtime_broadcast_ms', '20')`;
  await it.stack.restartFunction("orchestrator");
  await drainAll();
  const [{ workflow_run_id }] = await it.sql`
    select workflow_run_id from workflow_runs where user_id = ${ada}
    order by created_at desc limit 1`;
  const message = {
    topic: `run:${ada}:${workflow_run_id}`,
    event: "moved",
    payload: { workflow_run_id },
    private: true,
  };
  await waitFor("a broadcast", () => it.stack.listBroadcasts().length > 0);
  for (const sent of it.stack.listBroadcasts()) assert.deepEqual(sent, message);

  const refused = await fetch(`${it.stack.url}/realtime/v1/api/broadcast`, {
    method: "POST",
    headers: { apikey: "sb_secret_wrong" },
    body: JSON.stringify({ messages: [message] }),
  });
  await refused.body?.cancel();
  assert.equal(refused.status, 401);
});

Deno.test("a user may join the topics of their own runs alone and send to none, where there is Realtime", async () => {
  const none = await db.admin`select orchestrator.let_users_listen() as is_there`;
  assert.equal(none[0].is_there, false);
  await db.admin.unsafe(`
    create schema realtime;
    create table realtime.messages (topic text, extension text);
    alter table realtime.messages enable row level security;
    create function realtime.topic() returns text language sql stable
      as $$ select current_setting('realtime.topic', true) $$;
    grant usage on schema realtime to anon, authenticated;
    grant select, insert, update, delete on realtime.messages to anon, authenticated;
    select orchestrator.let_users_listen();
    select orchestrator.let_users_listen();`);
  const [ada, run] = [crypto.randomUUID(), crypto.randomUUID()];
  /** As Realtime finds out: whether a row with this topic could be read. */
  const mayJoin = async (topic: string, extension = "broadcast", role = "authenticated") => {
    const rows = await db.admin.begin(async (sql) => {
      await sql`insert into realtime.messages (topic, extension) values (${topic}, ${extension})`;
      await sql`select set_config('realtime.topic', ${topic}, true),
        set_config('request.jwt.claims', ${JSON.stringify({ sub: ada })}, true),
        set_config('role', ${role}, true)`;
      return await sql`select from realtime.messages`;
    });
    await db.admin`delete from realtime.messages`;
    return rows.length > 0;
  };
  assert.equal(await mayJoin(`run:${ada}:${run}`), true);
  assert.equal(await mayJoin(`run:${crypto.randomUUID()}:${run}`), false);
  assert.equal(await mayJoin(`run:${ada}`), false);
  assert.equal(await mayJoin(`run:${ada}:${run}`, "presence"), false);
  assert.equal(await mayJoin(`run:${ada}:${run}`, "broadcast", "anon"), false);
  assert.equal(await mayJoin(`run:${ada.slice(0, -1)}:${run}`), false);

  const own = `run:${ada}:${run}`;
  await db.admin`insert into realtime.messages (topic, extension) values (${own}, 'broadcast')`;
  for (const role of ["anon", "authenticated"]) {
    const as = <T>(work: (sql: typeof db.admin) => Promise<T>) =>
      db.admin.begin(async (sql) => {
        await sql`select set_config('role', ${role}, true), set_config('realtime.topic', ${own}, true),
          set_config('request.jwt.claims', ${JSON.stringify({ sub: ada })}, true)`;
        return await work(sql as unknown as typeof db.admin);
      });
    await assert.rejects(
      as((sql) =>
        sql`insert into realtime.messages (topic, extension) values (${own}, 'broadcast')`
      ),
      /row-level security/,
    );
    const changed = await as((sql) => sql`update realtime.messages set topic = 'x' returning 1`);
    const deleted = await as((sql) => sql`delete from realtime.messages returning 1`);
    assert.deepEqual([changed.length, deleted.length], [0, 0], role);
  }
  assert.equal((await db.admin`select from realtime.messages where topic = ${own}`).length, 1);
});

Deno.test("the items of a fan-out are counted, and steps of the engine's own are not shown", async () => {
  await publish(
    db.rpc,
    JSON.stringify({
      key: "many",
      trigger: { type: "manual" },
      concurrency: { key: "'one'", max: 1 },
      steps: [{ id: "each", for_each: "[1, 2, 3]", call: CALL }],
    }),
  );
  const { runs: [{ workflow_run_id }] } = await db.rpc.dispatchWorkflows({
    requests: [{ user_id: "u", workflow_key: "many" }],
    ring: false,
  });
  const read = async (seen?: string) => {
    const look = await db.rpc.getProgress({ workflowRunId: workflow_run_id!, userId: null, seen });
    return look.result === "changed" ? look : assert.fail(look.result);
  };
  const before = await read();
  assert.deepEqual(before.progress.steps.map(({ step_id, items }) => [step_id, items]), [
    ["each", null],
  ]);
  await db.admin`
    insert into fan_outs (
      workflow_run_id, step_no, total, open, succeeded, failed, needed, ends_early, released
    )
    select workflow_run_id, step_no, 10000, 9997, 2, 1, 10000, false, 10000
    from job_queue where workflow_run_id = ${workflow_run_id} and step_id = 'each'`;
  const after = await read(before.version);
  assert.deepEqual(after.progress.steps[0].items, {
    total: 10_000,
    open: 9_997,
    succeeded: 2,
    failed: 1,
  });
  const same = { workflowRunId: workflow_run_id!, userId: null, seen: after.version };
  assert.deepEqual(await db.rpc.getProgress(same), { result: "unchanged" });
});

Deno.test("a lease is shown as running, and taking it up again is no change", async () => {
  await publish(
    db.rpc,
    JSON.stringify({ key: "one", trigger: { type: "manual" }, steps: [{ id: "a", call: CALL }] }),
  );
  const { runs: [run] } = await db.rpc.dispatchWorkflows({
    requests: [{ user_id: "u", workflow_key: "one" }],
    ring: false,
  });
  const workflowRunId = run.workflow_run_id!;
  const jobs = (await lease(db.rpc)).filter((job) => job.workflow_run_id === workflowRunId);
  const leased = await db.rpc.getProgress({ workflowRunId, userId: null });
  assert.ok(leased.result === "changed");
  assert.equal(leased.progress.steps[0].status, "running");
  const leases = jobs.map(({ job_id, lease_token }) => ({ job_id, lease_token }));
  await db.rpc.heartbeatJobs({ workerId: "w", leases, leaseMs: 30_000 });
  const [{ status }] = await db.admin`select status from job_queue where job_id = ${
    jobs[0].job_id
  }`;
  assert.equal(status, "running");
  const again = { workflowRunId, userId: null, seen: leased.version };
  assert.deepEqual(await db.rpc.getProgress(again), { result: "unchanged" });
  await settle(db.rpc, jobs, () => success({ secret: "x" }));
  await drain(db.rpc);
  const ended = await db.rpc.getProgress({ workflowRunId, userId: "u" });
  assert.ok(ended.result === "changed" && ended.progress.status === "success");
  assert.ok(!JSON.stringify(ended).includes("secret"));
  assert.deepEqual(await db.rpc.getProgress({ workflowRunId, userId: "v" }), {
    result: "not_found",
  });
});
