// The short examples of workflows/examples, each on the real stack as it is: what runs, in which order,
// and what comes out.
import assert from "node:assert/strict";
import { waitFor } from "../harness/stack.ts";
import { listStates, openExampleStack, readOutput, type SeenRun } from "./example_stack.ts";

const s = await openExampleStack();
Deno.test.afterAll(() => s.close());

const HOUR_MS = 3_600_000;

/** Steps whose agents were called, in the order of the calls. */
const called = (run: SeenRun) => s.agents.of(run.workflow_run_id).map(({ stepId }) => stepId);

const run = async (key: string, payload?: Record<string, unknown>) =>
  await s.finish(await s.dispatch(key, payload));

// --- score_contacts_v1: fan-out with a threshold

Deno.test("score_contacts: half of the contacts are enough, in their order and null where one failed", async () => {
  const items = { 1: { fail_with: "not_ok" } };
  const ended = await run("score_contacts_v1", { lead_id: "acme", agents: { score: { items } } });
  const output = readOutput<({ n: number } | null)[]>(ended, "score");
  assert.deepEqual(output.map((o) => o?.n ?? null), [0, null, 2]);
  assert.equal(readOutput(ended, "tell").title, "2 of 3 contacts scored");
  assert.equal(ended.status, "success");
});

Deno.test("score_contacts: more failures than that fail the step and the run", async () => {
  const items = { 0: { fail_with: "not_ok" }, 2: { fail_with: "not_ok" } };
  const ended = await run("score_contacts_v1", { lead_id: "acme", agents: { score: { items } } });
  assert.deepEqual(listStates(ended), {
    find: "success",
    score: "dead: items_failed",
    tell: "skipped: upstream_failed",
  });
  assert.equal(ended.status, "failed");
});

Deno.test("score_contacts: an item that stumbles is tried again by itself", async () => {
  const items = { 2: { fail_times: 1 } };
  const ended = await run("score_contacts_v1", { lead_id: "acme", agents: { score: { items } } });
  assert.equal(readOutput<unknown[]>(ended, "score").every((o) => o !== null), true);
  assert.equal(called(ended).filter((id) => id === "score").length, 4);
});

Deno.test("score_contacts: without contacts there is nothing to score, which is no failure", async () => {
  const ended = await run("score_contacts_v1", { lead_id: "acme", contacts: 0 });
  assert.deepEqual(readOutput(ended, "score"), []);
  assert.equal(ended.status, "success");
});

// --- book_trip_v1: saga

Deno.test("book_trip: a trip that can be paid is booked, and nothing is cancelled", async () => {
  const ended = await run("book_trip_v1");
  assert.equal(ended.status, "success");
  assert.deepEqual(called(ended), ["flight", "hotel", "pay", "confirm"]);
  assert.match(String(readOutput(ended, "confirm").title), /^Booked: flight-\d+, hotel-\d+$/);
});

Deno.test("book_trip: a card that is refused cancels the hotel, then the flight, and tells why", async () => {
  const ended = await run("book_trip_v1", { agents: { pay: { fail_with: "not_ok" } } });
  assert.equal(ended.status, "failed");
  assert.deepEqual(called(ended), [
    "flight",
    "hotel",
    "pay",
    "hotel.$compensate",
    "flight.$compensate",
    "apologize",
  ]);
  for (const id of ["flight", "hotel"]) {
    const { reference, cancelled } = readOutput(ended, `${id}.$compensate`);
    assert.deepEqual([reference, cancelled], [readOutput(ended, id).reference, true]);
  }
  assert.equal(readOutput(ended, "apologize").title, "Your trip was not booked, failed: pay");
});

Deno.test("book_trip: what was not booked is not cancelled", async () => {
  const ended = await run("book_trip_v1", { agents: { hotel: { fail_with: "http_400" } } });
  assert.deepEqual(called(ended), ["flight", "hotel", "flight.$compensate", "apologize"]);
});

Deno.test("book_trip: a message that was not sent undoes no trip", async () => {
  const ended = await run("book_trip_v1", { agents: { confirm: { fail_with: "not_ok" } } });
  assert.equal(listStates(ended).confirm, "dead: agent_error");
  assert.equal(ended.status, "success");
});

// --- publish_post_v1: a wait that may run out

const requestPost = async (post_id: string) => {
  const [runId] = await s.insertEvent("post.requested", { post_id });
  await s.waitForParked(runId, "review");
  return runId;
};

Deno.test("publish_post: an editor's yes publishes at once, a no withdraws", async () => {
  for (const approved of [true, false]) {
    const post_id = `post-${approved}`;
    const runId = await requestPost(post_id);
    await s.insertEvent("post.reviewed", { post_id, approved }, "editor");
    const { publish, withdraw } = listStates(await s.finish(runId));
    assert.deepEqual(
      [publish, withdraw],
      approved ? ["success", "skipped: condition"] : ["skipped: condition", "success"],
    );
  }
});

Deno.test("publish_post: two days of silence publish", async () => {
  const runId = await requestPost("post-silent");
  await s.skipTime(48 * HOUR_MS);
  const ended = await s.finish(runId);
  assert.deepEqual(listStates(ended), {
    draft: "success",
    review: "success",
    publish: "success",
    withdraw: "skipped: condition",
  });
  assert.equal(readOutput(ended, "review"), null);
  assert.equal(readOutput(ended, "publish").title, "Post post-silent is online");
});

// --- onboard_team_v1 and onboard_member_v1: sub-workflows

Deno.test("onboard_team: everyone gets a run of their own, whose outputs come back in order", async () => {
  const [runId] = await s.insertEvent("team.created", { members: ["Ada", "Bo", "Cy"] });
  const ended = await s.finish(runId);
  assert.equal(ended.status, "success");
  assert.equal(ended.sub_runs.length, 3);
  const titles = await Promise.all(ended.sub_runs.map(async ({ workflow_run_id }) => {
    return readOutput(await s.look(workflow_run_id), "greet").title;
  }));
  assert.deepEqual(titles.toSorted(), ["Hello Ada", "Hello Bo", "Hello Cy"]);
  const plans = readOutput<{ plan: { headline: string } }[]>(ended, "onboard");
  assert.deepEqual(plans.map((it) => Object.keys(it)), [["plan"], ["plan"], ["plan"]]);
  const [tell] = s.agents.of(runId).map(({ body }) => (body as { inputs: unknown }).inputs);
  assert.deepEqual(tell, { text: "3 onboarded", first_plan: plans[0].plan });
});

Deno.test("onboard_team: a member that its workflow refuses fails the step", async () => {
  const ended = await run("onboard_team_v1", { members: ["Ada", ""] });
  assert.equal(ended.status, "failed");
  assert.equal(listStates(ended).onboard, "dead: items_failed");
});

// --- compare_leads_v1: a template, twice

Deno.test("compare_leads: the template's steps run for each use, with their own arguments", async () => {
  const ended = await run("compare_leads_v1", { left: "acme", right: "globex" });
  assert.deepEqual(called(ended).toSorted(), [
    "left",
    "left.enrich",
    "right",
    "right.enrich",
    "tell",
  ]);
  const [left, right] = ["left", "right"].map((id) =>
    readOutput<{ name: string; value: number }>(ended, id)
  );
  // The second use names a position of its own.
  assert.deepEqual([left.name.endsWith(" 1"), right.name.endsWith(" 2")], [true, true]);
  const better = left.value >= right.value ? left : right;
  assert.equal(readOutput(ended, "tell").title, `${better.name} first`);
});

// --- research_plan_v1: steps that an agent appends

Deno.test("research_plan: the planner's answer adds steps to its own run", async () => {
  const ended = await run("research_plan_v1", { topics: ["soil", "water", "light"] });
  assert.deepEqual(listStates(ended), {
    plan: "success",
    plan_1: "success",
    plan_2: "success",
    plan_3: "success",
    plan_summary: "success",
  });
  assert.equal(called(ended).at(-1), "plan_summary");
  const [{ author, revision }] = ended.plan_revisions;
  assert.deepEqual([author, revision], ["step plan", 1]);
  const { inputs } = s.agents.of(ended.workflow_run_id).find((it) => it.stepId === "plan_2")!
    .body as { inputs: unknown };
  assert.deepEqual(inputs, { topic: "water" });
});

// --- monthly_report_v1: an agent that calls back

Deno.test("monthly_report: the agent answers 202, gives signs of life, and calls back", async () => {
  const callback = { after_ms: 300, beat_ms: 100 };
  const ended = await run("monthly_report_v1", { agents: { write: { callback } } });
  assert.equal(ended.status, "success");
  assert.equal(readOutput(ended, "send").title, "Report for ada, 12 pages");
  const beats = s.agents.calls.filter(({ path }) => path.endsWith("/heartbeat"));
  assert.equal(beats.length, 2);
});

Deno.test("monthly_report: an agent that is silent for too long is called again, and then given up", async () => {
  const runId = await s.dispatch("monthly_report_v1", {
    agents: { write: { callback: { fail_with: "silence" } } },
  });
  for (const attempt of [1, 2]) {
    await waitFor(`attempt ${attempt}`, async () => {
      return (await s.waitForParked(runId, "write")).attempts === attempt;
    });
    await s.skipTime(5 * 60_000 + 1_000);
    // The wait between two attempts.
    if (attempt === 1) await waitFor("a retry", () => hasFailedOnce(runId));
    await s.skipTime(60_000);
  }
  const ended = await s.finish(runId);
  assert.equal(listStates(ended).write, "dead: timeout");
  assert.equal(ended.status, "failed");
});

async function hasFailedOnce(runId: string): Promise<boolean> {
  const { jobs } = await s.look(runId);
  return jobs.some(({ step_id, error_class }) => step_id === "write" && error_class === "timeout");
}

// --- route_lead_v1: if, else if, else

Deno.test("route_lead: one branch of three runs, and what follows sees which", async () => {
  for (const [value, branch] of [[90, "call"], [60, "write"], [10, "archive"]] as const) {
    const ended = await run("route_lead_v1", {
      name: "Ada",
      agents: { score: { output: { value } } },
    });
    assert.deepEqual(called(ended), ["score", branch, "record"]);
    const { inputs } = readOutput<{ sent: { inputs: unknown } }>(ended, "record").sent;
    assert.deepEqual(inputs, { branch });
  }
});

// --- sync_account_v1: concurrency

Deno.test("sync_account: one run of an account at a time, other accounts meanwhile", async () => {
  const enrich = s.agents.hold("agent-proxy/enrich");
  const first = await s.dispatch("sync_account_v1", { account: "acme" });
  await waitFor("the first call", () => s.agents.of(first).length === 1);
  const second = await s.dispatch("sync_account_v1", { account: "acme" });
  const other = await s.dispatch("sync_account_v1", { account: "globex" });
  await waitFor("the other account's call", () => s.agents.of(other).length === 1);
  await s.waitForParked(second, "$start");
  assert.deepEqual(s.agents.of(second), []);
  enrich.open();
  for (const runId of [first, second, other]) {
    assert.equal((await s.finish(runId)).status, "success");
  }
  s.agents.answer("agent-proxy/enrich", (_, forward) => forward());
});

Deno.test("sync_account: a change of its own making starts nothing", async () => {
  const [runId] = await s.insertEvent("account.changed", { account: "acme", source: "sync" });
  assert.equal((await s.finish(runId)).status, "skipped");
  assert.deepEqual(s.agents.of(runId), []);
});

// --- morning_digest_v1: joins

Deno.test("morning_digest: two sources are enough to send, and a dead third one still fails the run", async () => {
  const ended = await run("morning_digest_v1", { agents: { questions: { fail_with: "not_ok" } } });
  assert.deepEqual(listStates(ended), {
    streak: "success",
    goals: "success",
    questions: "dead: agent_error",
    send: "success",
    close: "success",
    report: "success",
  });
  assert.equal(ended.status, "failed");
  assert.equal(readOutput(ended, "report").title, "No answer from questions");
});

Deno.test("morning_digest: one source is not enough, but the day is closed", async () => {
  const fails = { fail_with: "not_ok" };
  const ended = await run("morning_digest_v1", { agents: { questions: fails, goals: fails } });
  const { send, close } = listStates(ended);
  assert.deepEqual([send, close], ["skipped: upstream_failed", "success"]);
});
