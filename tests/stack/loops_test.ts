// The stand-ins for pg_net, pg_cron and Vault keep the real ones' manners.
import assert from "node:assert/strict";
import { startFixtureStack, waitFor } from "./stack_fixture.ts";

interface Received {
  url: string;
  body: string;
  contentType: string | null;
  at: number;
}

const fixture = await startFixtureStack();
const { stack, sql } = fixture;
const received: Received[] = [];
const receiver = Deno.serve(
  { hostname: "127.0.0.1", port: 0, onListen: () => {} },
  async (request) => {
    const { pathname, search } = new URL(request.url);
    if (pathname === "/slow") await new Promise((resolve) => setTimeout(resolve, 300));
    received.push({
      url: pathname + search,
      body: await request.text(),
      contentType: request.headers.get("content-type"),
      at: performance.now(),
    });
    return Response.json({ ok: true });
  },
);
const target = `http://127.0.0.1:${receiver.addr.port}`;
Deno.test.afterAll(async () => {
  await fixture.stop();
  await receiver.shutdown();
});

const findResponse = (id: string) =>
  waitFor(async () => (await sql`select * from net._http_response where id = ${id}`)[0]);

Deno.test("a request leaves after its commit and its answer is kept", async () => {
  let isCommitted = false;
  let id = "";
  await sql.begin(async (tx) => {
    [{ id }] = await tx`select net.http_post(${`${target}/posted`},
      '{"a": [1, null]}'::jsonb, '{"q": "ä &"}'::jsonb) as id`;
    // As long as this transaction is open, another one sees no request to send.
    await sql`select net.http_get(${`${target}/other`})`;
    await waitFor(() => received.find((one) => one.url === "/other"));
    assert.equal(received.some((one) => one.url.startsWith("/posted")), false);
    isCommitted = true;
  });
  const posted = await waitFor(() => received.find((one) => one.url.startsWith("/posted")));
  assert.ok(isCommitted);
  assert.deepEqual([posted.url, posted.contentType], [
    "/posted?q=%C3%A4%20%26",
    "application/json",
  ]);
  assert.deepEqual(JSON.parse(posted.body), { a: [1, null] });
  const response = await findResponse(id);
  assert.deepEqual([response.status_code, response.timed_out], [200, false]);
  assert.deepEqual(JSON.parse(response.content), { ok: true });
  assert.match(response.headers["content-type"], /application\/json/);
});

Deno.test("a request of a transaction that is rolled back never leaves", async () => {
  await sql.begin(async (tx) => {
    await tx`select net.http_get(${`${target}/rolled-back`})`;
    throw new Error("rolled back");
  }).catch(() => {});
  const [{ id }] = await sql`select net.http_get(${`${target}/committed`}) as id`;
  await findResponse(id);
  assert.equal(received.some((one) => one.url === "/rolled-back"), false);
});

Deno.test("a timeout and a refused connection are recorded as such", async () => {
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  closed.close();
  const [{ slow, refused }] = await sql`
    select net.http_get(${`${target}/slow`}, timeout_milliseconds => 50) as slow,
           net.http_get(${`http://127.0.0.1:${closed.addr.port}/`}) as refused`;
  const timedOut = await findResponse(slow);
  assert.equal(timedOut.timed_out, true);
  assert.match(timedOut.error_msg, /Timeout of 50 ms reached/);
  const failed = await findResponse(refused);
  assert.deepEqual([failed.status_code, failed.timed_out], [null, false]);
  assert.match(failed.error_msg, /connect/i);
});

Deno.test("idle, a request leaves in milliseconds; after a batch the next waits a second", async () => {
  await new Promise((resolve) => setTimeout(resolve, 1100));
  const started = performance.now();
  await sql`select net.http_get(${`${target}/first`})`;
  const first = await waitFor(() => received.find((one) => one.url === "/first"));
  await sql`select net.http_get(${`${target}/second`})`;
  const second = await waitFor(() => received.find((one) => one.url === "/second"));
  console.log(`idle request: ${(first.at - started).toFixed(1)} ms after the statement began`);
  assert.ok(first.at - started < 200);
  assert.ok(second.at - first.at >= 950, `second came after ${second.at - first.at} ms`);
});

Deno.test("switched off, the pg_net stand-in sends nothing; switched on, it sends what waits", async () => {
  await stack.setLoops({ net: false });
  const [{ id }] = await sql`select net.http_get(${`${target}/held`}) as id`;
  await sql`select 1`;
  assert.equal(received.some((one) => one.url === "/held"), false);
  await stack.setLoops({ net: true });
  assert.equal((await findResponse(id)).status_code, 200);
});

Deno.test("an idle stack sends no query", async () => {
  await new Promise((resolve) => setTimeout(resolve, 1100));
  const findLastQuery = async () => {
    const [row] = await fixture.admin`
      select max(query_start)::text as last from pg_stat_activity
      where datname = current_database() and application_name in ('local-stack-loops',
        'local-stack-api', 'postgres.js') and pid <> pg_backend_pid()`;
    return row.last;
  };
  const before = await findLastQuery();
  await new Promise((resolve) => setTimeout(resolve, 1500));
  assert.equal(await findLastQuery(), before);
});

Deno.test("a cron job runs as its owner, again and again, until it is unscheduled", async () => {
  await sql`create table public.ticks (at timestamptz default now(), who text default current_user)`;
  await sql`select cron.schedule('tick', '1 second', 'insert into public.ticks default values')`;
  await waitFor(async () => {
    const rows = await sql`select who from public.ticks`;
    return rows.length >= 2 && rows.every((row) => row.who === "postgres") ? true : undefined;
  });
  const details = await waitFor(async () =>
    (await sql`select * from cron.job_run_details where status = 'succeeded' limit 1`)[0]
  );
  assert.deepEqual([details.return_message, details.username], ["INSERT 1", "postgres"]);
  assert.ok(details.end_time >= details.start_time);
  await sql`select cron.unschedule('tick')`;
  assert.equal((await sql`select from cron.job`).length, 0);
});

Deno.test("a cron job whose connection is cut ends that run alone", async () => {
  await sql`select cron.schedule('cut', '1 second', 'select pg_sleep(30)')`;
  const [{ job_pid }] = await waitFor(async () => {
    const rows = await sql<{ job_pid: number }[]>`
      select job_pid from cron.job_run_details where command like '%pg_sleep%'`;
    return rows.length > 0 ? rows : undefined;
  });
  await sql`update cron.job set command = 'select 42' where jobname = 'cut'`;
  await fixture.admin`select pg_terminate_backend(${job_pid})`;
  await waitFor(async () =>
    (await sql`
      select from cron.job_run_details where command = 'select 42' and status = 'succeeded'`)[0]
  );
  await sql`select cron.unschedule('cut')`;
});

Deno.test("a cron job that fails says why", async () => {
  await sql`select cron.schedule('fail', '1 second', 'select 1/0')`;
  const details = await waitFor(async () =>
    (await sql`select * from cron.job_run_details where status = 'failed' limit 1`)[0]
  );
  assert.match(details.return_message, /division by zero/);
  await sql`select cron.unschedule('fail')`;
});

Deno.test("scheduling a name again changes its job, and bad schedules are refused", async () => {
  const [first] = await sql`select cron.schedule('name', '*/60 * * * *', 'select 1') as id`;
  const [second] = await sql`select cron.schedule('name', '0 18 * * SUN', 'select 2') as id`;
  assert.equal(second.id, first.id);
  for (const schedule of ["nonsense", "* * * *", "90 seconds"]) {
    await assert.rejects(
      sql`select cron.schedule('bad', ${schedule}, 'select 1')`,
      /invalid schedule/,
    );
  }
  await assert.rejects(sql`select cron.unschedule('nobody')`, /could not find valid entry/);
  await sql`select cron.unschedule(${first.id}::bigint)`;
});

Deno.test("Vault keeps secrets for the owner and shows them to no API role but service_role", async () => {
  const [{ id }] = await sql`select vault.create_secret('s3cret', 'name') as id`;
  await sql`select vault.update_secret(${id}::uuid, 'changed')`;
  const [secret] = await sql`
    select decrypted_secret, secret from vault.decrypted_secrets where name = 'name'`;
  assert.equal(secret.decrypted_secret, "changed");
  assert.notEqual(secret.secret, "changed");
  await assert.rejects(sql`select vault.create_secret('other', 'name')`, /secrets_name_idx/);
  for (const role of ["anon", "authenticated"]) {
    const ask = sql.begin(async (tx) => {
      await tx.unsafe(`set local role ${role}`);
      await tx`select * from vault.decrypted_secrets`;
    });
    await assert.rejects(ask, /permission denied/);
  }
});
