// What the dashboard's lists find: filters, text, pages, and the shape of what they show.
import assert from "node:assert/strict";
import type { RunFilter } from "../../supabase/functions/_shared/contract/dashboard.ts";
import type { JobFilter } from "../../supabase/functions/_shared/database/rows.ts";
import type { Rpc } from "../../supabase/functions/_shared/database/rpc.ts";
import { publish } from "../harness/definition.ts";
import { drain, lease, settle, success } from "../harness/worker.ts";
import { dispatch, dispatchMany, publishChain, withDatabase, work } from "./dashboard_database.ts";

const HOUR_MS = 3_600_000;
const ago = (ms: number) => new Date(Date.now() - ms).toISOString();

const findRuns = async (rpc: Rpc, filter: RunFilter) =>
  (await rpc.listRuns({ filter })).map((run) => run.workflow_run_id).sort();
const findJobs = async (rpc: Rpc, filter: JobFilter) =>
  (await rpc.listJobs({ filter })).map((job) => job.job_id).sort((a, b) => a - b);

Deno.test("runs are found by workflow, status, user, intent and time, all at once", () =>
  withDatabase(async ({ rpc }) => {
    await publishChain(rpc, "one", 1);
    await publishChain(rpc, "two", 1);
    const [first] = await dispatch(rpc, "one", [{}], "anna");
    const [second] = await dispatch(rpc, "two", [{}], "anna");
    const { runs: [third] } = await rpc.dispatchWorkflows({
      requests: [{ user_id: "bo", workflow_key: "two", intent_id: "i-1" }],
      ring: false,
    });
    await work(rpc, [second]);
    assert.deepEqual(await findRuns(rpc, { workflow_key: "one" }), [first]);
    assert.deepEqual(await findRuns(rpc, { status: "failed" }), [second]);
    assert.deepEqual(await findRuns(rpc, { user_id: "anna", workflow_key: "two" }), [second]);
    assert.deepEqual(await findRuns(rpc, { intent_id: "i-1" }), [third.workflow_run_id]);
    assert.equal((await findRuns(rpc, { from: ago(HOUR_MS), to: ago(-HOUR_MS) })).length, 3);
    assert.deepEqual(await findRuns(rpc, { from: ago(-HOUR_MS) }), []);
    assert.deepEqual(await findRuns(rpc, { to: ago(HOUR_MS) }), []);
    assert.deepEqual(await findRuns(rpc, { status: "failed", user_id: "bo" }), []);
    await assert.rejects(findRuns(rpc, { colour: "red" } as RunFilter), /unknown part colour/);
  }));

Deno.test("a moved clock does not hide runs from a filter by time", () =>
  withDatabase(async ({ rpc, setClock }) => {
    await publishChain(rpc, "one", 1);
    await setClock("2030-01-01T00:00:00Z");
    const [id] = await dispatch(rpc, "one");
    const day = { from: "2030-01-01T00:00:00Z", to: "2030-01-02T00:00:00Z" };
    assert.deepEqual(await findRuns(rpc, day), [id]);
  }));

Deno.test("text finds the beginning of an id and parts of user, workflow and payload, as it is written", () =>
  withDatabase(async ({ rpc }) => {
    await publishChain(rpc, "reports", 1);
    const [percent, plain] = await dispatch(rpc, "reports", [
      { note: "100% sure" },
      { note: "100 of them, a_b, c\\d" },
    ]);
    const [anna] = await dispatch(rpc, "reports", [{}], "Anna_1");
    const all = [percent, plain, anna].sort();
    const find = (text: string) => findRuns(rpc, { text });
    assert.deepEqual(await find("100"), [percent, plain].sort());
    assert.deepEqual(await find("100%"), [percent]);
    assert.deepEqual(await find("100 OF"), [plain]);
    assert.deepEqual(await find("a_b"), [plain]);
    assert.deepEqual(await find("axb"), []);
    assert.deepEqual(await find("_"), [plain, anna].sort());
    assert.deepEqual(await find("c\\\\d"), [plain]);
    assert.deepEqual(await find("'; drop table workflow_runs; --"), []);
    assert.deepEqual(await find("anna"), [anna]);
    assert.deepEqual(await find("EPORT"), all);
    assert.deepEqual(await find(percent), [percent]);
    assert.deepEqual(await find(percent.slice(0, 8)), all);
    assert.deepEqual(await find(percent.slice(9)), []);
    assert.deepEqual(await findRuns(rpc, { text: percent, user_id: "nobody" }), []);
  }));

Deno.test("pages of runs join without a gap, and counts stop at 10,000", () =>
  withDatabase(async ({ rpc }) => {
    await publishChain(rpc, "one", 1);
    const ids = await dispatchMany(rpc, "one", 5);
    const first = await rpc.listRuns({ limit: 3 });
    const second = await rpc.listRuns({ limit: 3, before: first[2].workflow_run_id });
    assert.deepEqual([...first, ...second].map((run) => run.workflow_run_id), ids.reverse());
    assert.deepEqual(await rpc.countRuns({}), { count: 5, is_capped: false, newest: ids[0] });
    for (let batch = 0; batch < 5; batch++) await dispatchMany(rpc, "one", 2_000);
    const { count, is_capped } = await rpc.countRuns({});
    assert.deepEqual([count, is_capped], [10_000, true]);
  }));

Deno.test("a listed run tells its version and keeps its payload to itself", () =>
  withDatabase(async ({ rpc }) => {
    await publishChain(rpc, "one", 1);
    await publishChain(rpc, "one", 2);
    await dispatch(rpc, "one", [{ n: 1 }]);
    const [run] = await rpc.listRuns({});
    assert.equal(run.version, 2);
    assert.deepEqual(["payload", "inputs", "request_hash"].filter((key) => key in run), []);
  }));

Deno.test("a run tells of each job its kind, phase, needs and workflow, and no token", () =>
  withDatabase(async ({ rpc }) => {
    const call = "/functions/v1/agent-proxy/noop";
    const source = JSON.stringify({
      key: "graph",
      trigger: { type: "manual" },
      steps: [
        { id: "a", call },
        { id: "nap", sleep: "1h", depends_on: ["a"] },
        { id: "c", call, depends_on: ["a", "nap"] },
      ],
    });
    await publish(rpc, source);
    const [runId] = await dispatch(rpc, "graph");
    await lease(rpc);
    const run = (await rpc.getRun({ workflowRunId: runId }))!;
    assert.deepEqual(
      run.jobs.map((job) => [job.step_id, job.kind, job.phase, job.needs, job.workflow_key]),
      [
        ["a", "call", "main", [], "graph"],
        ["nap", "sleep", "main", ["a"], "graph"],
        ["c", "call", "main", ["a", "nap"], "graph"],
      ],
    );
    assert.equal(run.version, 1);
    assert.ok(Math.abs(Date.parse(run.database_time) - Date.now()) < 60_000);
    assert.doesNotMatch(JSON.stringify(run), /lease_token|request_hash/);
    const job = await rpc.getJob({ jobId: run.jobs[2].job_id });
    assert.deepEqual(job, run.jobs[2]);
  }));

Deno.test("jobs are found by status, workflow, user, error and text", () =>
  withDatabase(async ({ rpc }) => {
    await publishChain(rpc, "one", 1);
    await publishChain(rpc, "two", 2);
    const [bad] = await dispatch(rpc, "one", [{}], "anna");
    const [good] = await dispatch(rpc, "two", [{}], "bo");
    await work(rpc, [bad]);
    const jobsOf = async (id: string) =>
      (await rpc.getRun({ workflowRunId: id }))!.jobs.map((job) => job.job_id);
    const [dead] = await jobsOf(bad);
    const both = await jobsOf(good);
    assert.deepEqual(await findJobs(rpc, { status: "dead" }), [dead]);
    assert.deepEqual(await findJobs(rpc, { workflow_key: "two" }), both);
    assert.deepEqual(await findJobs(rpc, { user_id: "anna" }), [dead]);
    assert.deepEqual(await findJobs(rpc, { error_class: "http_4xx" }), [dead]);
    assert.deepEqual(await findJobs(rpc, { text: "answered 400" }), [dead]);
    assert.deepEqual(await findJobs(rpc, { text: "S2" }), [both[1]]);
    assert.deepEqual(await findJobs(rpc, { text: good }), both);
    assert.deepEqual(await findJobs(rpc, { text: "%" }), []);
    const newest = both[1];
    assert.deepEqual(await rpc.countJobs({ filter: { status: "success" } }), {
      count: 2,
      is_capped: false,
      newest,
    });
    const [listed] = await rpc.listJobs({ filter: { status: "dead" } });
    assert.equal(listed.workflow_key, "one");
    assert.deepEqual(["input", "output", "lease_token"].filter((key) => key in listed), []);
  }));

Deno.test("a call is described as a lease would give it", () =>
  withDatabase(async ({ rpc }) => {
    await publishChain(rpc, "two", 2);
    const [runId] = await dispatch(rpc, "two", [{ n: 1 }]);
    await settle(rpc, await lease(rpc), () => success({ made: true }));
    const { jobs: [, { job_id }] } = (await rpc.getRun({ workflowRunId: runId }))!;
    const described = (await rpc.describeCall({ jobId: job_id }))!;
    const [leased] = await lease(rpc);
    const { status, open_dependencies, generation, lease_token: _, queued_ms, ...rest } = described;
    assert.deepEqual([status, open_dependencies, generation, queued_ms], ["queued", 0, 0, null]);
    for (const [name, value] of Object.entries(rest)) {
      assert.deepEqual(value, leased[name as keyof typeof leased], name);
    }
    assert.deepEqual(
      Object.keys(leased).filter((name) => !(name in described)),
      // What is only described is no span.
      ["trace"],
      "what a lease gives and the description does not",
    );
    assert.deepEqual([rest.inputs, rest.run_payload, rest.attempt], [{ s1: { made: true } }, {
      n: 1,
    }, 1]);
    assert.equal(await rpc.describeCall({ jobId: 999_999 }), null);
  }));

Deno.test("a workflow tells how its runs of the last 7 days ended", () =>
  withDatabase(async ({ rpc }) => {
    await publishChain(rpc, "busy", 1);
    await publishChain(rpc, "idle", 1);
    const [bad] = await dispatch(rpc, "busy", [{}, {}, {}, {}]);
    await work(rpc, [bad]);
    const [cancelled] = await dispatch(rpc, "busy");
    await rpc.cancelRun({ workflowRunId: cancelled });
    await dispatch(rpc, "busy");
    const listed = await rpc.listWorkflows();
    assert.deepEqual(listed.map((it) => [it.workflow_key, it.runs_7d, it.success_rate_7d]), [
      ["busy", 5, 0.75],
      ["idle", 0, null],
    ]);
    const busy = (await rpc.getWorkflow({ workflowKey: "busy" }))!;
    assert.deepEqual([busy.runs_7d, busy.success_rate_7d], [5, 0.75]);
    await drain(rpc);
  }));
