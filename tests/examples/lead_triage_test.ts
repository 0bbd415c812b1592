// The full example of the language, on the real stack: both branches, and what starts or stops it.
import assert from "node:assert/strict";
import { listStates, openExampleStack, readOutput } from "./example_stack.ts";

const s = await openExampleStack();
Deno.test.afterAll(() => s.close());

/** What the run of a lead is started with; every contact gets the same score. */
const lead = (lead_id: string, value: number) => ({
  lead_id,
  source: "app",
  agents: { score: { output: { value } } },
});

Deno.test("a big lead waits for its own approval, which an event gives", async () => {
  const runId = await s.dispatch("lead_triage_v1", lead("big", 90));
  await s.waitForParked(runId, "approve");
  await s.insertEvent("lead.approved", { lead_id: "another" }, "boss");
  await s.insertEvent("lead.approved", { lead_id: "big" }, "boss");
  const run = await s.finish(runId);
  assert.deepEqual(listStates(run), {
    enrich: "success",
    score: "success",
    approve: "success",
    archive: "skipped: condition",
    tell: "success",
  });
  const { user_id, payload } = readOutput(run, "approve");
  assert.deepEqual([user_id, payload], ["boss", { lead_id: "big" }]);
  const { title, channel } = run.outputs.tell as Record<string, unknown>;
  assert.deepEqual([run.status, title, channel], ["success", "Lead big: 3 scored", "#leads"]);
});

Deno.test("a small lead is archived by a sub-workflow, and nobody is asked", async () => {
  const run = await s.finish(await s.dispatch("lead_triage_v1", lead("small", 10)));
  assert.deepEqual(listStates(run), {
    enrich: "success",
    score: "success",
    approve: "skipped: condition",
    archive: "success",
    tell: "success",
  });
  assert.equal(run.status, "success");
  assert.deepEqual(readOutput(run, "archive"), { archive: { archived: "small" } });
  assert.deepEqual(run.sub_runs.map(({ workflow_key, status }) => [workflow_key, status]), [
    ["lead_archive_v1", "success"],
  ]);
});

Deno.test("one contact that can be scored is enough, none is not", async () => {
  const failing = (...items: number[]) =>
    Object.fromEntries(items.map((n) => [n, { fail_with: "not_ok" }]));
  const start = (items: Record<string, unknown>) =>
    s.dispatch("lead_triage_v1", {
      lead_id: "part",
      source: "app",
      agents: { score: { output: { value: 10 }, items } },
    });
  const part = await s.finish(await start(failing(0, 2)));
  assert.deepEqual(readOutput(part, "score"), [null, { value: 10 }, null]);
  assert.equal(part.status, "success");
  const none = await s.finish(await start(failing(0, 1, 2)));
  assert.equal(listStates(none).score, "dead: items_failed");
  assert.deepEqual(readOutput(none, "undo").undone, ["score"]);
  assert.equal(none.status, "failed");
});

Deno.test("a created lead starts it, an imported one is skipped as a whole", async () => {
  const [runId] = await s.insertEvent("lead.created", lead("new", 10));
  assert.equal((await s.finish(runId)).status, "success");
  const [imported] = await s.insertEvent("lead.created", { lead_id: "old", source: "import" });
  const skipped = await s.finish(imported);
  assert.deepEqual([skipped.status, skipped.skip_reason], ["skipped", "condition"]);
  assert.deepEqual(s.agents.of(imported), []);
});

Deno.test("an approval that does not come within a day fails the run", async () => {
  const runId = await s.dispatch("lead_triage_v1", lead("forgotten", 90));
  await s.waitForParked(runId, "approve");
  await s.skipTime(24 * 3_600_000);
  const run = await s.finish(runId);
  const { approve, archive, tell } = listStates(run);
  assert.deepEqual([approve, archive, tell], [
    "dead: timeout",
    "skipped: condition",
    "skipped: upstream_failed",
  ]);
  assert.deepEqual(readOutput(run, "undo").undone, ["approve"]);
  assert.equal(run.status, "failed");
});

Deno.test("runs of one lead take turns", async () => {
  const first = await s.dispatch("lead_triage_v1", lead("twice", 90));
  await s.waitForParked(first, "approve");
  const second = await s.dispatch("lead_triage_v1", lead("twice", 10));
  await s.waitForParked(second, "$start");
  assert.deepEqual(s.agents.of(second), []);
  await s.insertEvent("lead.approved", { lead_id: "twice" });
  assert.equal((await s.finish(first)).status, "success");
  assert.equal((await s.finish(second)).status, "success");
});
