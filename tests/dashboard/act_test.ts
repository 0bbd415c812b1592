// The one door for what operators do: an action and its audit row are one transaction.
import assert from "node:assert/strict";
import type { ActionName, Actions } from "../../supabase/functions/_shared/database/actions.ts";
import type { Rpc } from "../../supabase/functions/_shared/database/rpc.ts";
import { publish } from "../harness/definition.ts";
import { drain } from "../harness/worker.ts";
import { keepHistory } from "../harness/old_history.ts";
import { ANNA, dispatch, publishChain, withDatabase, work } from "./dashboard_database.ts";

const NOBODY = "00000000-0000-4000-8000-000000000000";

const act = <Name extends ActionName>(rpc: Rpc, action: Name, args: Actions[Name]["args"]) =>
  rpc.act({ actor: ANNA, action, args });

const readLast = async (rpc: Rpc) => (await rpc.listAudit({ limit: 1 }))[0];

Deno.test("an action leaves one row that says who, what, when, before and after", () =>
  withDatabase(async ({ rpc }) => {
    await publishChain(rpc, "chain", 2);
    const [runId] = await dispatch(rpc, "chain");
    const answer = await act(rpc, "run.cancel", { workflow_run_id: runId, reason: "a mistake" });
    assert.deepEqual(answer, { result: "cancelled", status: "cancelled" });
    const rows = await rpc.listAudit({});
    assert.equal(rows.length, 1);
    const { at, before, after, audit_id: _, ...row } = rows[0];
    assert.deepEqual(row, {
      actor_kind: "operator",
      actor_id: ANNA.id,
      actor_name: ANNA.name,
      action: "run.cancel",
      target: runId,
      args: { workflow_run_id: runId, reason: "a mistake" },
      result: "cancelled",
    });
    assert.ok(Math.abs(Date.parse(at) - Date.now()) < 60_000, at);
    assert.deepEqual([before?.status, before?.jobs], ["running", { queued: 1, waiting: 1 }]);
    assert.deepEqual([after?.status, after?.jobs, after?.cancel_reason], [
      "cancelled",
      { cancelled: 2 },
      "a mistake",
    ]);
  }));

Deno.test("an action that is taken back takes its row with it", () =>
  withDatabase(async ({ rpc, sql, admin }) => {
    await publishChain(rpc, "chain", 1);
    const [runId] = await dispatch(rpc, "chain");
    const rollback = new Error("rolled back");
    await assert.rejects(
      sql.begin(async (tx) => {
        await tx`select public.act(${tx.json({ ...ANNA })}, 'run.cancel', ${
          tx.json({ workflow_run_id: runId })
        })`;
        throw rollback;
      }),
      rollback,
    );
    assert.deepEqual(await rpc.listAudit({}), []);
    const [{ status }] = await admin`select status from workflow_runs`;
    assert.equal(status, "running");
  }));

Deno.test("an action that raises leaves neither a change nor a row", () =>
  withDatabase(async ({ rpc }) => {
    await publishChain(rpc, "chain", 1);
    const [runId] = await dispatch(rpc, "chain");
    const restart = { workflow_run_id: runId, mode: "failed", payload: { n: 1 } } as const;
    await assert.rejects(
      act(rpc, "run.restart", restart),
      /payload of its own goes with mode whole/,
    );
    await assert.rejects(act(rpc, "run.explode" as "run.cancel", { workflow_run_id: runId }), {
      message: /there is no action run\.explode/,
    });
    assert.deepEqual(await rpc.listAudit({}), []);
  }));

Deno.test("what is refused is recorded with its result", () =>
  withDatabase(async ({ rpc }) => {
    await publishChain(rpc, "chain", 1);
    const [runId] = await dispatch(rpc, "chain");
    await work(rpc);
    const refused: [ActionName, Record<string, unknown>, string][] = [
      ["run.cancel", { workflow_run_id: runId }, "already_finished"],
      ["run.cancel", { workflow_run_id: NOBODY }, "not_found"],
      ["run.restart", { workflow_run_id: runId, mode: "failed" }, "conflict"],
      ["job.retry", { job_id: 999_999 }, "not_found"],
      ["job.approve", { job_id: 1 }, "conflict"],
      ["run.dispatch", { requests: [{ user_id: "u", workflow_key: "none" }] }, "unknown_workflow"],
      ["schedule.pause", { schedule_id: 999 }, "not_found"],
      ["policy.set", { pattern: "user:*", capacity: 0, refill_rate: 1 }, "invalid"],
      ["policy.delete", { pattern: "default" }, "conflict"],
      ["operator.grant", { user_id: NOBODY, email: "x@example.com", role: "viewer" }, "not_found"],
      ["operator.revoke", { user_id: NOBODY }, "not_found"],
    ];
    for (const [action, args] of refused) await act(rpc, action, args as never);
    assert.deepEqual(
      (await rpc.listAudit({})).map((row) => [row.action, row.result]),
      refused.map(([action, , result]) => [action, result]).reverse(),
    );
  }));

Deno.test("a run is done anew as a whole with an edited payload, which the audit does not keep", () =>
  withDatabase(async ({ rpc }) => {
    await publishChain(rpc, "chain", 1);
    const [runId] = await dispatch(rpc, "chain", [{ n: 1, same: true }]);
    await work(rpc);
    const { workflow_run_id: newId } = await act(rpc, "run.restart", {
      workflow_run_id: runId,
      mode: "whole",
      payload: { n: 2 },
    });
    const run = await rpc.getRun({ workflowRunId: newId! });
    assert.deepEqual([run?.payload, run?.restarted_from], [{ n: 2 }, runId]);
    const { target, args, before, after } = await readLast(rpc);
    assert.equal(target, runId);
    assert.deepEqual([before?.workflow_run_id, after?.workflow_run_id], [runId, newId]);
    assert.deepEqual(args, { workflow_run_id: runId, mode: "whole", has_payload: true });
    const again = await rpc.restartRun({ workflowRunId: runId, mode: "whole" });
    const copy = await rpc.getRun({ workflowRunId: again.workflow_run_id! });
    assert.deepEqual(copy?.payload, { n: 1, same: true });
  }));

Deno.test("a dead letter is replayed, and the row tells the job before and after", () =>
  withDatabase(async ({ rpc }) => {
    await publishChain(rpc, "chain", 1);
    const [runId] = await dispatch(rpc, "chain");
    await work(rpc, [runId]);
    const [{ job_id }] = await rpc.listJobs({ filter: { status: "dead" } });
    assert.equal((await act(rpc, "job.retry", { job_id })).result, "queued");
    const { before, after } = await readLast(rpc);
    assert.deepEqual([before?.status, before?.run_status, before?.error_class], [
      "dead",
      "failed",
      "http_4xx",
    ]);
    assert.deepEqual([after?.status, after?.run_status], ["queued", "running"]);
  }));

Deno.test("a wait is decided by the operator's name if no other is given, and the reason is recorded", () =>
  withDatabase(async ({ rpc }) => {
    const source = JSON.stringify({
      key: "ask",
      trigger: { type: "manual" },
      steps: [{ id: "approval", wait: { event: "approved" } }],
    });
    await publish(rpc, source);
    const decide = async (action: "job.approve" | "job.reject", payload: { reason?: string }) => {
      const [runId] = await dispatch(rpc, "ask");
      await drain(rpc, () => ({
        outcome: "park",
        parked: { for: "event" },
        wait_event: { type: "approved", refused: [] },
      }));
      const job = (await rpc.getRun({ workflowRunId: runId }))!.jobs.find((it) =>
        it.step_id === "approval"
      )!;
      assert.equal(job.status, "parked");
      const { result } = await act(rpc, action, { job_id: job.job_id, payload });
      return { result, job: (await rpc.getJob({ jobId: job.job_id }))! };
    };
    const approved = await decide("job.approve", { reason: "a bargain" });
    assert.equal(approved.result, "approved");
    assert.equal((await readLast(rpc)).args.reason, "a bargain");
    assert.equal((approved.job.output as { user_id: string }).user_id, ANNA.name);
    const rejected = await decide("job.reject", { reason: "too dear" });
    assert.equal(rejected.result, "rejected");
    assert.equal(rejected.job.error_text, `rejected by ${ANNA.name}: too dear`);
    assert.equal((await readLast(rpc)).args.reason, "too dear");
  }));

Deno.test("publishing is recorded by version and content, without the source", () =>
  withDatabase(async ({ rpc }) => {
    await publishChain(rpc, "chain", 1);
    const one = (await rpc.getWorkflow({ workflowKey: "chain" }))!;
    await publishChain(rpc, "chain", 2);
    const { compiled, source } = (await rpc.getWorkflow({ workflowKey: "chain" }))!;
    const { result } = await act(rpc, "workflow.publish", {
      compiled: one.compiled,
      source: one.source,
    });
    assert.equal(result, "published");
    const { target, args, before, after } = await readLast(rpc);
    assert.deepEqual([target, args], ["chain", { workflow_key: "chain", source_path: null }]);
    assert.deepEqual([before?.version, after], [2, { version: 1, sha256: one.sha256 }]);
    const { versions } = (await rpc.getWorkflow({ workflowKey: "chain" }))!;
    assert.deepEqual(versions.map((it) => [it.version, it.is_published]), [[2, false], [1, true]]);
    const old = await rpc.getWorkflowVersion({ workflowKey: "chain", version: 2 });
    assert.deepEqual([old?.source, old?.compiled], [source, compiled]);
    assert.equal(await rpc.getWorkflowVersion({ workflowKey: "chain", version: 3 }), null);
  }));

Deno.test("a run that is dispatched is the row's target, and its payload stays out", () =>
  withDatabase(async ({ rpc }) => {
    await publishChain(rpc, "chain", 1);
    const request = { user_id: "u", workflow_key: "chain", payload: { secret: "s3cret" } };
    const { runs } = await act(rpc, "run.dispatch", { requests: [request], ring: false });
    const row = await readLast(rpc);
    assert.deepEqual([row.target, row.result, row.before], [
      runs[0].workflow_run_id,
      "created",
      null,
    ]);
    assert.deepEqual(row.args, { user_id: "u", workflow_key: "chain" });
    assert.doesNotMatch(JSON.stringify(row), /s3cret/);
  }));

Deno.test("rows are found by action, actor and target, a page at a time", () =>
  withDatabase(async ({ rpc }) => {
    for (const pattern of ["a", "b", "c"]) {
      await act(rpc, "policy.set", { pattern, capacity: 1, refill_rate: 1 });
    }
    const actor = { kind: "service", id: "default", name: null } as const;
    await rpc.act({ actor, action: "policy.delete", args: { pattern: "b" } });
    const list = async (filter: Parameters<Rpc["listAudit"]>[0]["filter"]) =>
      (await rpc.listAudit({ filter })).map(({ action, target }) => `${action} ${target}`);
    assert.deepEqual(await list({ target: "b" }), ["policy.delete b", "policy.set b"]);
    assert.deepEqual(await list({ actor: "default" }), ["policy.delete b"]);
    assert.deepEqual(await list({ actor: ANNA.name!, target: "c" }), ["policy.set c"]);
    assert.equal((await list({ actor: ANNA.id!, action: "policy.set" })).length, 3);
    const [first, second] = await rpc.listAudit({ limit: 2 });
    const rest = await rpc.listAudit({ limit: 2, before: second.audit_id });
    assert.deepEqual(rest.map(({ target }) => target), ["b", "a"]);
    assert.equal(first.action, "policy.delete");
    await assert.rejects(list({ who: "me" } as never), /unknown part who/);
  }));

Deno.test("a role is given to a user of Auth, changed, taken away, and ends with the user", () =>
  withDatabase(async ({ rpc, admin }) => {
    const [user] = await admin<{ id: string }[]>`
      insert into auth.users (id, email) values (gen_random_uuid(), 'bo@example.com') returning id`;
    const grant = (role: "viewer" | "operator") =>
      act(rpc, "operator.grant", { user_id: user.id, email: "bo@example.com", role });
    assert.equal((await grant("viewer")).result, "granted");
    const bo = { user_id: user.id, email: "bo@example.com" };
    assert.deepEqual(await rpc.getOperator({ userId: user.id }), { ...bo, role: "viewer" });
    await grant("operator");
    const { before, after } = await readLast(rpc);
    assert.deepEqual([before?.role, after?.role], ["viewer", "operator"]);
    const [listed] = await rpc.listOperators();
    assert.deepEqual([listed.role, listed.granted_by], ["operator", ANNA.name]);
    assert.equal((await grant("king" as "viewer")).result, "invalid");
    assert.equal((await act(rpc, "operator.revoke", { user_id: user.id })).result, "revoked");
    assert.equal(await rpc.getOperator({ userId: user.id }), null);
    await grant("viewer");
    await admin`delete from auth.users where id = ${user.id}`;
    assert.deepEqual(await rpc.listOperators(), []);
  }));

Deno.test("what was asked of two operators at once is done once", () =>
  withDatabase(async ({ rpc, connect }) => {
    await publishChain(rpc, "chain", 1);
    const [runId] = await dispatch(rpc, "chain");
    const others = [connect(), connect(), connect(), connect()];
    await Promise.all(others.map((it) => act(it.rpc, "run.cancel", { workflow_run_id: runId })));
    const rows = await rpc.listAudit({});
    // Each looked when nobody else was at it: only the first one found a live run.
    assert.deepEqual(rows.map((row) => row.before?.status).sort(), [
      "cancelled",
      "cancelled",
      "cancelled",
      "running",
    ]);
    assert.equal(rows.filter((row) => row.result === "cancelled").length, 1);
  }));

Deno.test("audit rows outlive the history that they tell of", () =>
  withDatabase(async (db) => {
    const { rpc, sql, setClock } = db;
    await publishChain(rpc, "chain", 1);
    const [runId] = await dispatch(rpc, "chain");
    await act(rpc, "run.cancel", { workflow_run_id: runId });
    await setClock(new Date(Date.now() + 400 * 86_400_000));
    await keepHistory(db);
    await sql`select public.prune_history(100)`;
    assert.equal(await rpc.getRun({ workflowRunId: runId }), null);
    assert.equal((await rpc.listAudit({ filter: { target: runId } })).length, 1);
  }));
