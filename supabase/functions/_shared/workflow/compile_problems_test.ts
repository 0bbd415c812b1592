import assert from "node:assert/strict";
import { readSettings } from "../contract/settings.ts";
import { compileWorkflow } from "./compile.ts";
import { MAX_PROBLEMS } from "./problems.ts";

const settings = readSettings(() => undefined, { allowed_agent_hosts: "agents.example.com" });

/** What is wrong with a text, as `line:column message (near: …)`. */
function findProblems(source: string): string[] {
  const result = compileWorkflow(source, { settings });
  assert.ok(!result.ok, "the text was accepted");
  return result.problems.map(({ line, column, message, near }) =>
    `${line}:${column} ${message}${near === undefined ? "" : ` (near: ${near.join(", ")})`}`
  );
}

/** A valid file of which one line (from 1) is another; lines may be added by a line break. */
function replaceLine(line: number, text: string): string {
  const lines = VALID.split("\n");
  lines[line - 1] = text;
  return lines.join("\n");
}

const VALID = `key: sample_v1
trigger:
  type: cron_or_event
  event_types: [ping, pong]
  cron: "0 7 * * *"
  timezone: Europe/Berlin
steps:
  - id: first
    call: /functions/v1/agent-proxy/first
  - id: second
    call: /functions/v1/agent-proxy/second
    timeout_ms: 9000
    depends_on: [first]
`;

Deno.test("the sample that the cases change is valid", () => {
  assert.ok(compileWorkflow(VALID, { settings }).ok);
});

const FILE_KEYS =
  "key, description, inputs, trigger, public, concurrency, timeout, defaults, steps, on_failure";
const STEP_KEYS = "id, call, method, timeout_ms, mode, callback_timeout, heartbeat, " +
  "queue_timeout, depends_on, join, if, else_of, for_each, max_concurrency, success, with, " +
  "rate_limit, retry, continue_on_error, compensate, sleep, wait, workflow, use, may_append";

/** Name of the case, text, problems expected: all of them, in order. */
const CASES: [string, string, string[]][] = [
  ["an empty file is refused", "", [
    "1:1 the file must be a map of keys and values, got null",
  ]],
  ["a list instead of a map is refused", "- a\n", [
    '1:1 the file must be a map of keys and values, got ["a"]',
  ]],
  ["missing keys are named", "key: a\n", [
    "1:1 trigger is missing: expected a map of keys and values",
    "1:1 steps is missing: expected a list",
  ]],
  ["an unclosed bracket is a syntax error at its place", replaceLine(4, "  event_types: [ping"), [
    "5:3 YAML: Flow sequence in block collection must be sufficiently indented and end with a ]",
  ]],
  ["tabs as indentation are a syntax error", "key: a\ntrigger:\n\ttype: manual\n", [
    "3:1 YAML: Tabs are not allowed as indentation",
  ]],
  ["places after a broken flow map are right", "{key: a\n&x {...\n!", [
    "2:4 YAML: Unexpected flow-map-start at node end",
    "2:5 YAML: Unexpected scalar at node end",
    "3:2 YAML: Flow map must end with a }",
  ]],
  ["a map with a key length is no text", replaceLine(5, "  cron: { length: 0 }"), [
    '5:9 trigger.cron must be a text, got {"length":0}',
  ]],
  ["a NUL is refused even in a comment", `${VALID}# a\0b\n`, [
    "14:4 the character U+0000 is not allowed in YAML",
  ]],
  ["half a surrogate pair is refused", `${VALID}# 😀\ud83d\n`, [
    "14:5 the character U+D83D is not allowed in YAML",
  ]],
  ["two documents are refused", `${VALID}---\nkey: b\n`, [
    "14:1 a workflow file holds one YAML document, not several",
  ]],
  ["a tag is a warning of the parser and an error here", replaceLine(9, "    call: !steps.a.ok"), [
    '9:11 !steps.a.ok is a tag to YAML, and no part of the value: write "!steps.a.ok" in quotes',
  ]],
  ["an alias is refused", replaceLine(13, "    depends_on: &a [first]\n  - *a"), [
    "13:17 anchors are not allowed, got &a: nothing may refer to it",
    "14:5 aliases are not allowed: write the value out",
  ]],
  ["a merge key is an unknown key", replaceLine(12, "    <<: { timeout_ms: 5 }"), [
    `12:5 unknown key "<<": expected one of ${STEP_KEYS}`,
  ]],
  ["a duplicate key is refused where it is repeated", replaceLine(2, "key: other\ntrigger:"), [
    '2:1 key "key" is given twice',
  ]],
  ["another YAML version is refused", `%YAML 1.1\n---\n${VALID}`, [
    "1:1 workflow files are YAML 1.2, not 1.1",
  ]],
  ["a key that is no plain name is refused", `${VALID}? [a]\n: 1\n`, [
    "14:3 a key must be a plain name",
  ]],
  ["a prototype's name is no key anywhere", `${VALID}__proto__: { key: b }\n`, [
    "14:1 a key must not be __proto__",
  ]],
  ["an unknown key at the top is refused with a near name", `${VALID}step: []\n`, [
    '14:1 unknown key "step": expected one of ' + FILE_KEYS +
    " (near: steps)",
  ]],
  ["an unknown key of the trigger is refused", replaceLine(6, "  time_zone: Europe/Berlin"), [
    '6:3 unknown key "time_zone": expected one of type, event_types, cron, timezone, catch_up, ' +
    "if, inputs (near: timezone)",
  ]],
  ["an unknown key of a step is refused", replaceLine(12, "    timeout: 9000"), [
    '12:5 unknown key "timeout" (near: timeout_ms)',
  ]],
  ["a bad key is refused with its rule", replaceLine(1, "key: Sample V1"), [
    '1:6 key must be a lower-case letter, then up to 62 of a-z, 0-9, _ and -, got "Sample V1"',
  ]],
  ["a key that is a number is refused", replaceLine(1, "key: 12"), [
    "1:6 key must be a text, got 12",
  ]],
  ["a key without value is refused at the key", replaceLine(1, "key:"), [
    "1:1 key must be a text, got null",
  ]],
  ["a description that Postgres cannot store is refused", `${VALID}description: "a\\0b"\n`, [
    "14:14 description must be text that can be stored, without NUL and lone surrogates",
  ]],
  ["a bad step id is refused", replaceLine(10, "  - id: 2nd"), [
    '10:9 steps[1].id must be a lower-case letter, then up to 62 of a-z, 0-9, _ and -, got "2nd"',
  ]],
  ["a step that does nothing is told what it could do", replaceLine(9, "    method: GET"), [
    "8:5 steps[0] does nothing: it needs one of call, workflow, wait, sleep or use",
  ]],
  ["an unknown method is refused with a near name", replaceLine(12, "    method: post"), [
    '12:13 steps[1].method must be GET or POST, got "post" (near: POST)',
  ]],
  ["a timeout of text is refused", replaceLine(12, "    timeout_ms: 9s"), [
    '12:17 steps[1].timeout_ms must be a number, got "9s"',
  ]],
  ["a fraction of a millisecond is refused", replaceLine(12, "    timeout_ms: 1.5"), [
    "12:17 steps[1].timeout_ms must be a whole number, got 1.5",
  ]],
  ["a timeout of zero is refused", replaceLine(12, "    timeout_ms: 0"), [
    "12:17 steps[1].timeout_ms must be a number of at least 1, got 0",
  ]],
  ["a timeout beyond a hosted call is refused", replaceLine(12, "    timeout_ms: 145001"), [
    "12:17 steps[1].timeout_ms must be a number of at most 145000, got 145001",
  ]],
  ["dependencies that are no list are refused", replaceLine(13, "    depends_on: first"), [
    '13:17 steps[1].depends_on must be a list, got "first"',
  ]],
  ["no steps are refused", "key: a\ntrigger: { type: manual }\nsteps: []\n", [
    "3:8 steps must be a list with a length of at least 1, got 0",
  ]],
  [
    "an unknown dependency is refused with a near name",
    replaceLine(13, "    depends_on: [frist]"),
    [
      '13:18 unknown step "frist" (near: first)',
    ],
  ],
  ["a duplicate step id is refused where it is repeated", replaceLine(10, "  - id: first"), [
    '10:9 step id "first" is taken by steps[0]',
    '13:18 step "first" depends on itself',
  ]],
  ["a step that depends on itself is refused", replaceLine(13, "    depends_on: [first, second]"), [
    '13:25 step "second" depends on itself',
  ]],
  ["a dependency named twice is refused", replaceLine(13, "    depends_on: [first, first]"), [
    '13:25 depends_on names "first" twice',
  ]],
  [
    "a cycle is named",
    replaceLine(9, "    call: /functions/v1/agent-proxy/first\n    depends_on: [second]"),
    ["10:18 the steps wait for each other: first → second → first"],
  ],
  ["a relative call is refused", replaceLine(9, "    call: functions/v1/x"), [
    '9:11 steps[0].call must start with / or https://, got "functions/v1/x"',
  ]],
  ["a call that climbs is refused", replaceLine(9, "    call: /functions/v1/../auth"), [
    '9:11 steps[0].call must not contain the segment .., got "/functions/v1/../auth"',
  ]],
  [
    "a call with credentials is refused",
    replaceLine(9, "    call: https://a:b@agents.example.com/"),
    [
      '9:11 steps[0].call must not contain credentials, got "https://a:b@agents.example.com/"',
    ],
  ],
  ["a call to another host is refused", replaceLine(9, "    call: https://agent.example.com/"), [
    "9:11 steps[0].call names the host agent.example.com, which the setting allowed_agent_hosts " +
    'does not list, got "https://agent.example.com/" (near: agents.example.com)',
  ]],
  ["a cron with six fields is refused", replaceLine(5, '  cron: "0 0 7 * * *"'), [
    "5:9 trigger.cron must have five fields (minute, hour, day of month, month, day of week), " +
    'got 6, got "0 0 7 * * *"',
  ]],
  ["a cron out of range is refused", replaceLine(5, '  cron: "0 25 * * *"'), [
    '5:9 trigger.cron must be a cron pattern: Invalid value for hour: 25, got "0 25 * * *"',
  ]],
  ["a cron that never fires is refused", replaceLine(5, '  cron: "0 0 31 2 *"'), [
    '5:9 trigger.cron must name a time that exists: it would never fire, got "0 0 31 2 *"',
  ]],
  ["an unknown time zone is refused with a near name", replaceLine(6, "  timezone: Europe/Berln"), [
    '6:13 trigger.timezone must be an IANA time zone or user, got "Europe/Berln" ' +
    "(near: Europe/Berlin)",
  ]],
  ["an offset is no time zone", replaceLine(6, '  timezone: "+02:00"'), [
    '6:13 trigger.timezone must be an IANA time zone or user, got "+02:00"',
  ]],
  [
    "an unknown trigger type is refused with a near name",
    replaceLine(3, "  type: cron_or_events"),
    [
      '3:9 trigger.type must be cron or event or cron_or_event or manual, got "cron_or_events" ' +
      "(near: cron_or_event, cron)",
    ],
  ],
  [
    "a cron trigger without cron is refused",
    "key: a\ntrigger: { type: cron }\nsteps: [{ id: a, call: /a }]",
    [
      "2:10 trigger.cron is missing: type cron needs it",
    ],
  ],
  [
    "an event trigger without event types is refused",
    "key: a\ntrigger: { type: event }\nsteps: [{ id: a, call: /a }]",
    [
      "2:10 trigger.event_types is missing: type event needs it",
    ],
  ],
  ["an event trigger with a schedule's keys is refused", replaceLine(3, "  type: event"), [
    "5:3 trigger.cron has no effect: type event has no schedule",
    "6:3 trigger.timezone has no effect: type event has no schedule",
  ]],
  ["a cron trigger with event types is refused", replaceLine(3, "  type: cron"), [
    "4:3 trigger.event_types has no effect: type cron starts no run from events",
  ]],
  [
    "a user time zone without a schedule is refused",
    "key: a\ntrigger: { type: manual, timezone: user }\nsteps: [{ id: a, call: /a }]",
    [
      "2:26 trigger.timezone has no effect: type manual has no schedule",
    ],
  ],
  ["an event type named twice is refused", replaceLine(4, "  event_types: [ping, ping]"), [
    '4:23 trigger.event_types names "ping" twice',
  ]],
  ["an event type with a space is refused", replaceLine(4, '  event_types: ["a b"]'), [
    "4:17 trigger.event_types[0] must be a letter or digit, then up to 127 of letters, digits, " +
    '_ . : and -, got "a b"',
  ]],
  ["an unknown catch-up is refused", replaceLine(6, "  catch_up: latest"), [
    '6:13 trigger.catch_up must be none or last or all, got "latest" (near: last)',
  ]],
];

for (const [name, source, expected] of CASES) {
  Deno.test(name, () => assert.deepEqual(findProblems(source), expected));
}

Deno.test("problems of every kind come in one pass, in the order of the text", () => {
  const source = `key: Bad
trigger: { type: cron, cron: "x", timezone: Nowhere }
steps:
  - { id: a, call: a, depends_on: [b, nobody], retry: 3 }
  - { id: b, call: /b, depends_on: [a], timeout_ms: 0 }
`;
  const places = findProblems(source).map((problem) => problem.split(" ", 1)[0]);
  assert.deepEqual(places, ["1:6", "2:30", "2:45", "4:20", "4:36", "4:39", "4:55", "5:53"]);
});

Deno.test("problems carry path and file", () => {
  const result = compileWorkflow(replaceLine(12, "    timeout_ms: 0"), {
    file: "workflows/sample_v1.yml",
    settings,
  });
  assert.ok(!result.ok);
  assert.deepEqual(result.problems, [{
    message: "steps[1].timeout_ms must be a number of at least 1, got 0",
    path: "steps[1].timeout_ms",
    file: "workflows/sample_v1.yml",
    line: 12,
    column: 17,
  }]);
});

Deno.test("a file above the size limit is not parsed, sizes are counted in bytes", () => {
  const small = readSettings(() => undefined, { workflow_max_bytes: 1_024 });
  const result = compileWorkflow(`# ${"ä".repeat(600)}`, { settings: small });
  assert.ok(!result.ok);
  assert.match(result.problems[0].message, /has 1202 bytes, more than the 1024 allowed/);
});

Deno.test("nesting that exhausts the parser or hides in a value is refused", () => {
  const [parser] = findProblems("[".repeat(100_000));
  assert.match(parser, /nested too deeply/);
  const problems = findProblems(`${VALID}extra: ${"[".repeat(40)}${"]".repeat(40)}\n`);
  assert.ok(problems.some((problem) => problem.includes("nested too deeply")));
});

Deno.test("findings beyond the limit are counted, not listed", () => {
  const steps = Array.from({ length: 500 }, (_, index) => `  - { id: s${index}, call: x }\n`);
  const problems = findProblems(`key: a\ntrigger: { type: manual }\nsteps:\n${steps.join("")}`);
  assert.equal(problems.length, MAX_PROBLEMS + 1);
  assert.match(problems[MAX_PROBLEMS], /and 400 more$/);
});

Deno.test("a long cycle is named by its beginning", () => {
  const steps = Array.from(
    { length: 40 },
    (_, index) => `  - { id: s${index}, call: /a, depends_on: [s${(index + 1) % 40}] }\n`,
  );
  const [problem] = findProblems(`key: a\ntrigger: { type: manual }\nsteps:\n${steps.join("")}`);
  assert.match(
    problem,
    /^4:38 the steps wait for each other: s0 → s1 → .* s11 → \(28 more\) → s0$/,
  );
});
