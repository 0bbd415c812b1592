// What is done with all runs or dead letters that a filter matches: counted first, then page by page.
import assert from "node:assert/strict";
import { expectProblem, type Json, openHttpStack } from "./http_stack.ts";
import { createPerson } from "./signed_in.ts";

const it = await openHttpStack();
Deno.test.afterAll(() => it.stop());

const FUTURE = "2099-01-01T00:00:00Z";
const post = (path: string, body?: unknown) => it.ask("POST", `/orchestrator${path}`, { body });
const { ask, email } = await createPerson(it, "operator");

async function dispatch(requests: Json[]): Promise<string[]> {
  const { body } = await post(
    "/dispatch",
    requests.map((request) => ({ workflow_key: "daily_instructor_v1", ...request })),
  );
  return (body.runs as Json[]).map((run) => run.workflow_run_id as string);
}

/** Pages of a bulk action until there is none left. */
async function goThrough(path: string, request: Json): Promise<Json[]> {
  const pages: Json[] = [];
  for (let cursor: unknown = null; pages.length < 20;) {
    const { status, body, text } = await ask("POST", path, { ...request, cursor });
    assert.equal(status, 200, text);
    pages.push(body);
    cursor = body.next_cursor;
    if (cursor === null) break;
  }
  return pages;
}

Deno.test("all runs that a filter matches are cancelled, and those that came later are left", async () => {
  const many = Array.from({ length: 130 }, () => ({ user_id: "bulk", run_at: FUTURE }));
  await dispatch(many);
  const [other] = await dispatch([{ user_id: "other", run_at: FUTURE }]);
  const { body: count } = await ask("GET", "/runs/count?user_id=bulk&action=cancel");
  assert.deepEqual([count.count, count.is_capped], [130, false]);
  const [later] = await dispatch([{ user_id: "bulk", run_at: FUTURE }]);
  const before = await it.count("orchestrator_audit");
  const pages = await goThrough("/runs/bulk", {
    action: "cancel",
    filter: { user_id: "bulk" },
    newest: count.newest,
    reason: "too many",
  });
  assert.equal(pages.reduce((sum, { changed }) => sum + (changed as number), 0), 130);
  assert.ok(pages.every(({ refused }) => (refused as Json[]).length === 0));
  assert.ok(pages.length >= 2, "a page is bounded");
  for (const [run, status] of [[other, "running"], [later, "running"]]) {
    assert.equal((await ask("GET", `/runs/${run}`)).body.status, status);
  }
  const left = await ask("GET", "/runs?user_id=bulk&status=running");
  assert.deepEqual((left.body.runs as Json[]).map(({ workflow_run_id }) => workflow_run_id), [
    later,
  ]);
  const rows = (await ask("GET", `/audit?action=runs.cancel&actor=${email}`)).body.rows as Json[];
  assert.equal(await it.count("orchestrator_audit"), before + rows.length);
  const touched = rows.filter(({ result }) => result === "changed");
  assert.ok(touched.length >= 2, "a row a page");
  assert.match(JSON.stringify(touched[0].after), /[0-9a-f]{8}-/, "with the ids of what changed");
});

Deno.test("failed runs are restarted and dead letters replayed, and a worker takes them up", async () => {
  const payload = { agents: { create_plan: { fail_times: 1, fail_with: "http_400" } } };
  const runs = await dispatch([
    { user_id: "unlucky", payload },
    { user_id: "unlucky", payload },
    { user_id: "dead", payload },
  ]);
  await post("/worker?wait=true");
  const { body: count } = await ask("GET", "/runs/count?user_id=unlucky&action=restart_failed");
  assert.equal(count.count, 2);
  const [page] = await goThrough("/runs/bulk", {
    action: "restart_failed",
    filter: { user_id: "unlucky" },
    newest: count.newest,
  });
  assert.equal(page.changed, 2);
  const { body: dead } = await ask("GET", "/jobs/count?status=dead&error_class=http_4xx");
  assert.equal(dead.count, 1);
  const [replayed] = await goThrough("/jobs/bulk", {
    action: "retry",
    filter: { status: "dead", error_class: "http_4xx" },
    newest: dead.newest,
  });
  assert.equal(replayed.changed, 1);
  await post("/worker?wait=true");
  for (const run of runs) {
    assert.equal((await ask("GET", `/runs/${run}`)).body.status, "success");
  }
});

Deno.test("a bulk action that does not say exactly what it is for is refused", async () => {
  const run = "00000000-0000-4000-8000-000000000000";
  const cases: [path: string, body: Json, field: string][] = [
    ["/runs/bulk", { action: "cancel", filter: {} }, "newest"],
    ["/runs/bulk", { action: "delete", filter: {}, newest: run }, "action"],
    ["/runs/bulk", { action: "cancel", filter: { user: "ada" }, newest: run }, "filter.user"],
    ["/runs/bulk", { action: "cancel", filter: { from: "today" }, newest: run }, "filter.from"],
    ["/runs/bulk", { action: "cancel", filter: {}, newest: run, cursor: 7 }, "cursor"],
    ["/jobs/bulk", { action: "retry", filter: {}, newest: 1 }, "filter.status"],
    ["/jobs/bulk", { action: "retry", filter: { status: "queued" }, newest: 1 }, "filter.status"],
  ];
  for (const [path, body, field] of cases) {
    expectProblem(
      await ask("POST", path, body),
      { status: 400, kind: "invalid", path: field },
      field,
    );
  }
  expectProblem(await ask("GET", "/runs/count?usr_id=a"), { status: 400, kind: "invalid" });
});

Deno.test("runs are found by time and by a part of what they are about", async () => {
  const [run] = await dispatch([
    { user_id: "searched", run_at: FUTURE, payload: { topic: "100% of_it" } },
  ]);
  const find = async (query: string) =>
    ((await ask("GET", `/runs?user_id=searched&${query}`)).body.runs as Json[]).length;
  assert.equal(await find(`text=${encodeURIComponent("100% of_")}`), 1);
  assert.equal(await find(`text=${encodeURIComponent("100%_of")}`), 0);
  assert.equal(await find(`text=${run}`), 1);
  assert.equal(await find("from=2020-01-01T00:00:00Z"), 1);
  assert.equal(await find("to=2020-01-01T00:00:00Z"), 0);
  assert.equal(await find("workflow_key=weekly_seed_v1"), 0);
});
