// An hour of a small project, for pages that should look like one: runs of the example workflows that
// succeeded, failed, wait for somebody or are under way.
import { publishExamples } from "../examples/example_stack.ts";
import { type TestStack, waitFor } from "../harness/stack.ts";

type Payload = Record<string, unknown>;

export interface Sample {
  /** Waits for an approval, after a fan-out. */
  waiting: string;
  /** Failed, and took back what it had done. */
  failed: string;
  /** A fan-out of which some failed. */
  scored: string;
  /** A step of it is under way, for longer than any test looks. */
  running: string;
  /** Its second step is a dead letter. */
  dead: string;
}

const MINUTE_MS = 60_000;
const USERS = ["ada", "grace", "linus", "margaret", "edsger"];
/** Minutes before now. */
const MOMENTS = [56, 51, 47, 42, 36, 33, 27, 24, 19, 13, 8, 5, 2];

/** Publishes the examples and lets the hour pass. */
export async function makeSample(s: TestStack): Promise<Sample> {
  await publishExamples(s);
  const start = (key: string, user: string, payload: Payload = {}) =>
    dispatch(s, key, user, payload);
  for (const [at, minutes] of MOMENTS.entries()) {
    await s.db.setClock(new Date(Date.now() - minutes * MINUTE_MS));
    const user = USERS[at % USERS.length];
    const isHard = at % 4 === 2;
    const agents = isHard ? { notify: { fail_times: 1 } } : { create_plan: { delay_ms: 40 * at } };
    await start("daily_instructor_v1", user, { agents });
    if (at % 2 === 0) await start("weekly_seed_v1", USERS[(at + 2) % USERS.length]);
    if (at % 3 === 0) {
      await start("onboard_member_v1", user, { name: user, language: "en" });
    }
    if (at === 4 || at === 9) {
      await start("daily_instructor_v1", USERS[at % 3], {
        agents: { create_plan: { fail_with: "http_400" } },
      });
    }
    await becomeQuiet(s);
  }
  const failing = { pay: { fail_with: "http_400" } };
  const failed = await start("book_trip_v1", "grace", { agents: failing });
  const scored = await start("score_contacts_v1", "ada", {
    lead_id: "L-2041",
    contacts: 40,
    agents: { score: { items: { 3: { fail_with: "http_400" }, 17: { fail_with: "http_400" } } } },
  });
  const dead = await start("daily_instructor_v1", "linus", {
    agents: { create_plan: { fail_with: "http_400" } },
  });
  const { body } = await s.post("orchestrator/events", {
    user_id: "margaret",
    type: "lead.created",
    payload: { lead_id: "L-2077", contacts: 12, source: "web" },
  });
  await becomeQuiet(s);
  await s.db.setClock(new Date());
  await start("daily_instructor_v1", "edsger", {
    agents: { notify: { fail_with: "http_503", retry_after_ms: 600_000 } },
  });
  await start("monthly_report_v1", "ada", {
    agents: { write: { callback: { fail_with: "silence" } } },
  });
  const running = await start("daily_instructor_v1", "ada", {
    agents: { create_plan: { delay_ms: 14_000 } },
  });
  const waiting = (body.workflow_run_ids as string[])[0];
  await waitFor("the sample's last runs to get going", async () => {
    const rows = await s.db.admin<{ step_id: string }[]>`
      select step_id from job_queue where status in ('leased', 'running', 'parked')`;
    const steps = rows.map(({ step_id }) => step_id);
    return ["approve", "create_plan", "write"].every((step) => steps.includes(step));
  });
  return { waiting, failed, scored, running, dead };
}

async function dispatch(
  s: TestStack,
  key: string,
  user: string,
  payload: Payload,
): Promise<string> {
  const { status, body } = await s.post("orchestrator/dispatch", {
    workflow_key: key,
    user_id: user,
    intent_id: `intent-${key.split("_")[0]}`,
    payload,
  });
  if (status >= 300) throw new Error(`dispatching ${key}: ${status} ${JSON.stringify(body)}`);
  return String(body.workflow_run_id);
}

/** Until nothing is due, and nothing under way. */
async function becomeQuiet(s: TestStack): Promise<void> {
  await s.post("orchestrator/worker");
  await waitFor("the queue to be quiet", async () => {
    const [{ open }] = await s.db.admin<{ open: number }[]>`
      select count(*)::int as open from job_queue
      where status in ('leased', 'running')
        or (status in ('queued', 'failed') and next_run_at <= orchestrator.now())`;
    return open === 0;
  });
}
