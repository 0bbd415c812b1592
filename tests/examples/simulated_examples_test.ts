// Every example through the simulator: the same path as on the real stack, with days of waiting in
// milliseconds.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { simulate, type SimulatedRun, type SimulateOptions } from "../../scripts/simulate/mod.ts";
import { readWorkflowFolder } from "./example_stack.ts";

const EXAMPLES = fileURLToPath(new URL("../../workflows/examples/", import.meta.url));
const HOUR_MS = 3_600_000;

type Options = Omit<SimulateOptions, "file" | "source">;

interface Case {
  options: Options;
  /** Steps that succeeded, in whatever order. */
  path: string[];
  outputs?: Record<string, unknown>;
  durationMs?: number;
  status?: string;
}

const contacts = { output: { contacts: [{ name: "Ada" }, { name: "Bo" }] } };
const echo = (call: { body: Record<string, unknown> | null }) => ({ output: call.body?.inputs });

const CASES: Record<string, Case[]> = {
  lead_triage_v1: [{
    options: {
      input: { lead_id: "7", source: "app" },
      agents: { enrich: contacts, score: { output: { value: 90 } }, tell: echo },
      approvals: { approve: { after: "3h", by: "anna" } },
    },
    path: ["enrich", "score", "approve", "tell"],
    outputs: { tell: { channel: "#leads", text: "Lead 7: 2 scored" } },
    durationMs: 3 * HOUR_MS,
  }, {
    options: {
      event: { type: "lead.created", payload: { lead_id: "7", source: "app" } },
      agents: { enrich: contacts, score: { output: { value: 10 } } },
    },
    path: ["enrich", "score", "archive", "tell"],
  }, {
    options: {
      cron: true,
      agents: { enrich: contacts, score: { output: { value: 90 } } },
    },
    path: ["enrich", "score", "undo"],
    durationMs: 24 * HOUR_MS,
    status: "failed",
  }],
  lead_archive_v1: [{ options: { input: { lead_id: "7" } }, path: ["archive"] }],
  score_contacts_v1: [{
    options: {
      input: { lead_id: "acme" },
      agents: { find: contacts, "score[1]": { fail: "not_ok" }, tell: echo },
    },
    path: ["find", "score", "tell"],
    outputs: { tell: { text: "1 of 2 contacts scored" } },
  }],
  book_trip_v1: [{
    options: {
      agents: { flight: { output: { reference: "F1" } }, hotel: { output: { reference: "H1" } } },
    },
    path: ["flight", "hotel", "pay", "confirm"],
  }, {
    options: {
      agents: {
        flight: { output: { reference: "F1" } },
        hotel: { output: { reference: "H1" } },
        pay: { fail: "http_500" },
        "hotel.$compensate": ({ body }) => {
          const isKnown = JSON.stringify(body?.inputs) === '{"hotel":{"reference":"H1"}}';
          return isKnown ? { output: {} } : { fail: "not_ok" };
        },
      },
    },
    path: ["flight", "hotel", "hotel.$compensate", "flight.$compensate", "apologize"],
    status: "failed",
  }],
  publish_post_v1: [{
    options: { event: { type: "post.requested", payload: { post_id: "p" } } },
    path: ["draft", "review", "publish"],
    durationMs: 48 * HOUR_MS,
  }, {
    options: {
      input: { post_id: "p" },
      events: [
        { at: "1h", type: "post.reviewed", payload: { post_id: "other", approved: true } },
        { at: "2h", type: "post.reviewed", payload: { post_id: "p", approved: false } },
      ],
    },
    path: ["draft", "review", "withdraw"],
    durationMs: 2 * HOUR_MS,
  }],
  onboard_team_v1: [{
    options: {
      event: { type: "team.created", payload: { members: ["Ada", "Bo"] } },
      agents: { "onboard_member_v1/plan": { output: "plan" }, tell: echo },
    },
    path: ["onboard", "tell"],
    outputs: { tell: { text: "2 onboarded", first_plan: "plan" } },
  }],
  onboard_member_v1: [{
    options: { input: { name: "Ada", language: "de" }, agents: { greet: echo, plan: echo } },
    path: ["greet", "plan"],
    outputs: { plan: { greet: { text: "Hallo Ada" } } },
  }],
  compare_leads_v1: [{
    options: {
      input: { left: "acme", right: "globex" },
      agents: {
        "left.enrich": contacts,
        "right.enrich": contacts,
        left: { output: { name: "Ada", value: 3 } },
        right: { output: { name: "Bo", value: 4 } },
        tell: echo,
      },
    },
    path: ["left.enrich", "right.enrich", "left", "right", "tell"],
    outputs: { tell: { channel: "#leads", text: "Bo first" } },
  }],
  research_plan_v1: [{
    options: {
      agents: {
        plan: (call) => ({
          output: call.body?.inputs,
          steps: [{ id: "more", call: "/functions/v1/agent-proxy/echo", depends_on: ["plan"] }],
        }),
        more: echo,
      },
    },
    path: ["plan", "more"],
    outputs: {
      plan: { topics: ["history", "methods"] },
      more: { plan: { topics: ["history", "methods"] } },
    },
  }],
  monthly_report_v1: [{
    options: {
      cron: true,
      agents: { write: { callback: { after: "4m", output: { report: "Report", pages: 3 } } } },
    },
    path: ["write", "send"],
    durationMs: 240_000,
  }],
  route_lead_v1: [90, 60, 10].map((value, at) => ({
    options: {
      input: { name: "Ada" },
      agents: { score: { output: { value } }, record: echo },
    },
    path: ["score", ["call", "write", "archive"][at], "record"],
    outputs: { record: { branch: ["call", "write", "archive"][at] } },
  })),
  sync_account_v1: [{
    options: { event: { type: "account.changed", payload: { account: "acme" } } },
    path: ["fetch", "store"],
  }, {
    options: { event: { type: "account.changed", payload: { account: "a", source: "sync" } } },
    path: [],
    status: "skipped",
  }],
  morning_digest_v1: [{
    options: { agents: { streak: { delay: "9s" } } },
    path: ["goals", "questions", "send", "streak", "close"],
  }],
};

for (const [key, cases] of Object.entries(CASES)) {
  for (const { options, path, outputs, durationMs, status = "success" } of cases) {
    Deno.test(`${key} goes ${path.join(", ") || "nowhere"}`, async () => {
      const run = await simulate({ file: `${EXAMPLES}${key}.yml`, ...options });
      assert.equal(run.status, status, run.reason ?? "");
      assert.deepEqual(listPath(run).toSorted(), path.toSorted());
      if (outputs !== undefined) assert.deepEqual(run.outputs, outputs);
      if (durationMs !== undefined) assert.equal(run.duration_ms, durationMs);
    });
  }
}

Deno.test("every example is simulated", async () => {
  const files = [...(await readWorkflowFolder("examples")).keys()];
  assert.deepEqual(files.toSorted(), Object.keys(CASES).map((key) => `${key}.yml`).toSorted());
});

function listPath({ steps }: SimulatedRun): string[] {
  return Object.entries(steps).filter(([, step]) => step.status === "success").map(([id]) => id);
}
