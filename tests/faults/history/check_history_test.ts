// The checker itself: a sound history passes, and each rule is seen to fail on a history that breaks it.
import assert from "node:assert/strict";
import type { AgentCall } from "./agent_log.ts";
import { checkHistory } from "./check_history.ts";
import type { AttemptRow, History, JobRow } from "./history.ts";
import { summarizeHistory } from "./summary.ts";

function makeCall(call: Partial<AgentCall>, value: string | null = null): AgentCall {
  const it = { at: 0, call: 1, run: "r1", step: "a", item: -1, attempt: 1, key: "r1:a:0", ...call };
  return {
    ...it,
    answer: {
      event: "answer",
      at: 1,
      call: it.call,
      status: value === null ? 500 : 200,
      verdict: value === null ? "failure" : "success",
      value,
      fault: value === null ? "http_500" : null,
      delivered: true,
    },
    callbacks: [],
    ...(call.answer === null ? { answer: null } : {}),
  };
}

function makeJob(job: Partial<JobRow>): JobRow {
  return {
    job: "1",
    run: "r1",
    step: "a",
    item: -1,
    status: "success",
    attempts: 1,
    generation: 0,
    isLeased: false,
    callsAgent: true,
    value: "v1",
    isValueElsewhere: false,
    ...job,
  };
}

function makeAttempt(attempt: Partial<AttemptRow>): AttemptRow {
  const success = attempt.errorClass === undefined;
  return {
    job: "1",
    attempt: 1,
    success,
    isLate: false,
    statusCode: success ? 200 : null,
    errorClass: null,
    ...attempt,
  };
}

/** Step a fails once and then succeeds, step b of the same run succeeds at once. */
function makeHistory(): History {
  return {
    calls: [
      makeCall({ call: 1 }),
      makeCall({ call: 2, attempt: 2 }, "v1"),
      makeCall({ call: 3, step: "b", key: "r1:b:0" }, "v2"),
    ],
    runs: [{ run: "r1", workflow: "w", status: "success" }],
    jobs: [makeJob({ attempts: 2 }), makeJob({ job: "2", step: "b", value: "v2" })],
    attempts: [
      makeAttempt({ errorClass: "http_5xx", statusCode: 500 }),
      makeAttempt({ attempt: 2 }),
      makeAttempt({ job: "2" }),
    ],
    counters: [
      { metric: "runs_started_total", labels: ["w", "api"], value: 1 },
      { metric: "runs_finished_total", labels: ["w", "success"], value: 1 },
      { metric: "step_attempts_total", labels: ["w", "a", "retry", "http_5xx"], value: 1 },
      { metric: "step_attempts_total", labels: ["w", "a", "success", ""], value: 1 },
      { metric: "step_attempts_total", labels: ["w", "b", "success", ""], value: 1 },
    ],
    broken: [],
    acknowledged: ["r1"],
    expectedEnds: { w: "success" },
  };
}

const BREAKS: [rule: string, what: string, break_: (history: History) => void][] = [
  ["an acknowledged run is there", "a run was lost", (h) => h.acknowledged.push("r2")],
  ["every run ended", "a run goes on", (h) => h.runs[0].status = "running"],
  [
    "every run ended as its workflow does",
    "a run failed that may not",
    (h) => h.runs[0].status = "failed",
  ],
  ["no job is stuck", "a job is still queued", (h) => h.jobs[1].status = "queued"],
  ["no lease is held", "a lease was forgotten", (h) => h.jobs[1].isLeased = true],
  ["every call belongs to a job", "a call for nobody", (h) => {
    h.calls.push(makeCall({ call: 4, step: "c", key: "r1:c:0" }));
  }],
  ["no result is lost", "the agent succeeded and the job is dead", (h) => {
    h.jobs[1].status = "dead";
  }],
  ["no result is lost", "a callback succeeded and the job is dead", (h) => {
    h.jobs[1].status = "dead";
    h.calls[2].answer!.verdict = "accepted";
    const { call } = h.calls[2];
    const callback = { event: "callback", at: 2, call, status: 200 } as const;
    h.calls[2].callbacks = [{ ...callback, verdict: "success", value: "v2" }];
  }],
  ["a result is what its agent decided", "the output is another one", (h) => {
    h.jobs[1].value = "v1";
  }],
  ["a result is what its agent decided", "a success without a call", (h) => h.calls.pop()],
  ["repeated calls carry one key", "a retry under a new key", (h) => h.calls[0].key = "r1:a:x"],
  [
    "no step that succeeded is executed again under another key",
    "a success, then another key",
    (h) => h.calls.push(makeCall({ call: 4, attempt: 3, key: "r1:a:1" }, "v9")),
  ],
  ["a key is one step's", "two steps share a key", (h) => h.calls[2].key = "r1:a:0"],
  [
    "an attempt calls its agent again only over a connection that broke",
    "one attempt has two calls, and the first of them was answered",
    (h) => h.calls[1].attempt = 1,
  ],
  ["every call has its attempt", "an attempt was not written down", (h) => {
    h.attempts.splice(0, 1);
  }],
  [
    "no step is called after its success was settled",
    "called again",
    (h) => h.calls.push(makeCall({ call: 4, attempt: 3 }, "v1")),
  ],
  ["every answered attempt has its call", "an attempt with a status called nobody", (h) => {
    h.calls.shift();
  }],
  [
    "a success is settled once",
    "two successes of one job",
    (h) => h.attempts.push(makeAttempt({ attempt: 2 })),
  ],
  ["attempts add up", "the job counts more than it has", (h) => h.jobs[0].attempts = 3],
  ["counters say what rows say", "a run was counted twice", (h) => h.counters[1].value = 2],
  ["counters say what rows say", "an attempt was not counted", (h) => h.counters.pop()],
  ["the database's invariants hold", "one does not", (h) => {
    h.broken.push({ invariant: "A run counts its unfinished sinks.", row: { run: "r1" } });
  }],
];

Deno.test("a sound history breaks no rule, with a retry and a late result in it", () => {
  const history = makeHistory();
  history.attempts.push({ ...makeAttempt({ errorClass: "lease_expired" }), isLate: true });
  assert.deepEqual(checkHistory(history), []);
});

for (const [rule, what, break_] of BREAKS) {
  Deno.test(`"${rule}" is broken when ${what}`, () => {
    const history = makeHistory();
    break_(history);
    const broken = checkHistory(history).map((violation) => violation.rule);
    assert.ok(broken.includes(rule), `found only: ${broken.join("; ") || "nothing"}`);
  });
}

Deno.test("an HTTP client may send a request again if its connection ended without an answer", () => {
  const history = makeHistory();
  const { at, call } = history.calls[2];
  const lost = makeCall({ call: 4, step: "b", key: "r1:b:0" }, "v2");
  lost.answer = { ...lost.answer!, at, call, status: null, delivered: false };
  history.calls.splice(2, 0, lost);
  assert.deepEqual(checkHistory(history), []);
  const { duplicatesByCause } = summarizeHistory(history);
  assert.deepEqual(duplicatesByCause, { http_5xx: 1, "sent again by the HTTP client": 1 });
});

Deno.test("a step that is done again for an operator may have a new key and a new success", () => {
  const history = makeHistory();
  history.jobs[1].generation = 1;
  history.calls.push(makeCall({ call: 4, step: "b", key: "r1:b:1" }, "v2"));
  history.attempts.push(makeAttempt({ job: "2" }));
  history.counters.push({
    metric: "step_attempts_total",
    labels: ["w", "b", "success", ""],
    value: 1,
  });
  assert.deepEqual(checkHistory(history), []);
});

Deno.test("the summary names the cause of each repeated call", () => {
  const history = makeHistory();
  const { calls, runsByEnd, duplicatesByCause, agentFaults, attemptsWithoutCall } =
    summarizeHistory({
      ...history,
      attempts: [...history.attempts, makeAttempt({ job: "2", attempt: 2, errorClass: "timeout" })],
    });
  assert.equal(calls, 3);
  assert.deepEqual(runsByEnd, { success: 1 });
  assert.deepEqual(duplicatesByCause, { http_5xx: 1 });
  assert.deepEqual(agentFaults, { http_500: 1 });
  assert.deepEqual(attemptsWithoutCall, { timeout: 1 });
});
