// The report of a simulated run, as it is read in a terminal.
import assert from "node:assert/strict";
import { formatRun, simulate } from "../../scripts/simulate/mod.ts";

/** As text: a terminal's colours are left out. */
function read(report: string): string[] {
  // deno-lint-ignore no-control-regex
  return report.replaceAll(/\x1b\[\d+m/g, "").split("\n");
}

const WORKFLOW = `
key: report_v1
trigger: { type: manual }
steps:
  - { id: fetch, call: /functions/v1/a/fetch }
  - { id: rest, sleep: 1d, depends_on: [fetch] }
  - { id: each, for_each: steps.fetch.output, call: /functions/v1/a/each, depends_on: [fetch] }
  - { id: maybe, if: steps.fetch.output.size() > 9, call: /functions/v1/a/b, depends_on: [fetch] }
  - { id: end, call: /functions/v1/a/end, depends_on: [rest, each] }
`;

Deno.test("the report tells what happened when, draws the path and shows the outputs", async () => {
  const run = await simulate({
    source: WORKFLOW,
    agents: {
      fetch: [{ fail: "http_429", retry_after: "30s" }, { output: [1, 2, 3, 4, 5], delay: "2s" }],
      each: { output: "ok" },
      end: { output: { all: true } },
    },
  });
  assert.deepEqual(read(formatRun(run)), [
    "    0s  report_v1 started by dispatch with {}",
    "        fetch      called /functions/v1/a/fetch with {}",
    "        fetch      failed: rate_limited, scripted failure; attempt 2 of 5 in 30s",
    "   30s  fetch      called /functions/v1/a/fetch with {} (attempt 2)",
    "   32s  fetch      answered [1,2,3,4,5] after 2s",
    "        maybe      skipped: steps.fetch.output.size() > 9 was false",
    "        rest       sleeps 1d",
    "        each       5 items",
    '        each[0–4]  5 items, such as [0]: called /functions/v1/a/each with {"item":1,"index":0}',
    '        each[0–4]  5 items, such as [0]: answered "ok"',
    '        each       5 of 5 items succeeded: ["ok","ok","ok","ok","ok"]',
    "1d 32s  rest       woke up",
    '        end        called /functions/v1/a/end with {"rest":null,"each":["ok","ok","ok","ok","ok"]}',
    '        end        answered {"all":true}',
    "        run ended: success",
    "",
    "Path, time to the right and not to scale",
    "          0s  30s        1d 32s",
    "  ✓ fetch █···██             2 attempts, 32s",
    "  ✓ rest         ░░░░░░░░    1d",
    "  ✓ each         █░          5 of 5 items",
    "  – maybe                    steps.fetch.output.size() > 9 was false",
    "  ✓ end                  █",
    "",
    "Outputs",
    '  end  {"all":true}',
    "",
    "report_v1 ended after 1d 32s: success",
  ]);
});

Deno.test("a large fan-out is told in a few lines, and none of its failures is lost", async () => {
  const run = await simulate({
    source: `
key: many_v1
trigger: { type: manual }
steps:
  - { id: each, for_each: inputs.list, success: { percent: 50 }, call: /functions/v1/a/each }
`,
    input: { list: Array.from({ length: 90 }, (_, at) => at) },
    agents: {
      each: ({ index }) =>
        index === 80 ? { fail: "not_ok", delay: "70ms" } : { delay: `${index! + 1}ms` },
    },
  });
  assert.equal(run.status, "success");
  assert.equal(run.calls.length, 90);
  const lines = read(formatRun(run));
  assert.ok(lines.length < 50, `${lines.length} lines`);
  const counted = lines.find((line) => line.includes("… "));
  assert.match(counted ?? "", /each\[…\] +… .*\d+ answered.*1 failed for good/);
});
