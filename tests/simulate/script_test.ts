// What a script may say, and what it is told when it says it wrongly.
import assert from "node:assert/strict";
import { simulate } from "../../scripts/simulate/mod.ts";
import { readScript } from "../../scripts/simulate/read_script.ts";

const TWO_STEPS = `
key: two_v1
trigger: { type: manual }
steps:
  - { id: first, call: /functions/v1/agents/first }
  - { id: second, call: /functions/v1/agents/second, depends_on: [first] }
`;

async function callFirst(...answers: { fail?: string; times?: number; output?: unknown }[]) {
  const run = await simulate({ source: TWO_STEPS, agents: { first: answers } });
  return run.steps.first;
}

Deno.test("every kind of failure has the class that a real agent's would have", async () => {
  const classes: Record<string, string> = {
    http_500: "http_5xx",
    http_404: "http_4xx",
    http_429: "rate_limited",
    timeout: "timeout",
    network: "network",
    not_ok: "agent_error",
    not_ok_retryable: "agent_error",
    garbage: "invalid_response",
    too_large: "output_too_large",
    in_progress: "in_progress",
  };
  const run = await simulate({
    source: JSON.stringify({
      key: "failures_v1",
      trigger: { type: "manual" },
      steps: Object.keys(classes).map((id) => ({ id, call: "/functions/v1/agents/any" })),
    }),
    agents: Object.fromEntries(Object.keys(classes).map((fail) => [fail, { fail }])),
  });
  const seen = Object.entries(run.steps).map(([id, { error_class }]) => [id, error_class]);
  assert.deepEqual(Object.fromEntries(seen), classes);
});

Deno.test("an answer lasts for one call or for its times, the last one for all that follow", async () => {
  const { attempts, output } = await callFirst(
    { fail: "http_500", times: 2 },
    { fail: "network" },
    { output: "fourth" },
  );
  assert.equal(attempts, 4);
  assert.equal(output, "fourth");
  assert.equal((await callFirst({ fail: "http_500", times: 1 })).status, "success");
  assert.equal((await callFirst({ fail: "http_500" })).status, "dead");
});

Deno.test("a function answers by what the agent was given", async () => {
  const run = await simulate({
    source: TWO_STEPS,
    input: { n: 20 },
    agents: {
      first: ({ body, attempt }) => {
        const { n } = body?.payload as { n: number };
        return attempt === 1 ? { fail: "http_503" } : { output: { doubled: n * 2 } };
      },
      second: ({ body }) => ({ output: body?.inputs }),
    },
  });
  assert.deepEqual(run.outputs, { second: { first: { doubled: 40 } } });
});

Deno.test("a script that names a step that is not there is refused, with the one it may mean", async () => {
  await assert.rejects(
    simulate({ source: TWO_STEPS, agents: { secnd: { output: 1 } } }),
    /agents\.secnd names no step that calls an agent: .*; did you mean second/,
  );
  await assert.rejects(
    simulate({ source: TWO_STEPS, approvals: { first: {} } }),
    /approvals\.first names no step that waits for an event: there is none/,
  );
});

Deno.test("mistakes of a script file are told with line and column, all at once", () => {
  const read = readScript(
    `agents:
  score:
    - { fail: http_700 }
    - { outptu: 3 }
    - { fail: timeout, output: 3 }
events:
  - { at: 5, type: a }
approvals: { a: { after: soon } }
`,
    "script.yml",
  );
  assert.ok(!read.ok);
  const told = read.problems.map(({ line, column, message, near }) => ({
    at: `${line}:${column}`,
    message: message.split(/[,:] /)[0],
    near,
  }));
  assert.deepEqual(told, [
    {
      at: "3:15",
      message: "agents.score[0].fail must be one of http_500",
      near: undefined,
    },
    { at: "4:9", message: 'unknown key "outptu"', near: ["output"] },
    { at: "5:7", message: "agents.score[2] says both fail and output (or steps)", near: undefined },
    { at: "7:11", message: "events[0].at must be a time with its unit", near: undefined },
    { at: "8:26", message: "approvals.a.after must be a time with its unit", near: undefined },
  ]);
});

Deno.test("a function that answers what is no answer is named", async () => {
  await assert.rejects(
    simulate({ source: TWO_STEPS, agents: { first: () => ({ fail: "http_200" }) } }),
    /the function agents\["first"\] answered wrongly: agents\.first\.fail must be one of/,
  );
});
