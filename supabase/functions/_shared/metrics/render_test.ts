import assert from "node:assert/strict";
import type { MetricSnapshot } from "../database/rows.ts";
import { OPEN_METRICS_TYPE, renderMetrics, TEXT_TYPE } from "./render.ts";

const SNAPSHOT: MetricSnapshot = {
  bounds: [0.5, 1],
  families: [
    {
      name: "o_runs_total",
      type: "counter",
      help: 'Runs of a "kind".\nTwo lines, one \\.',
      labels: ["workflow"],
      samples: [{ labels: ['a "b"\n\\c'], value: 3 }],
    },
    {
      name: "o_took_seconds",
      type: "histogram",
      help: "Time.",
      labels: [],
      samples: [{ labels: [], value: 4, sum: 7.5, buckets: { 0: 1, 2: 3 } }],
    },
    { name: "o_depth", type: "gauge", help: "Depth.", labels: ["status"], samples: [] },
  ],
};

const SAMPLES = [
  'o_took_seconds_bucket{le="0.5"} 1',
  'o_took_seconds_bucket{le="1.0"} 1',
  'o_took_seconds_bucket{le="+Inf"} 4',
  "o_took_seconds_sum 7.5",
  "o_took_seconds_count 4",
  "# HELP o_depth Depth.",
  "# TYPE o_depth gauge",
];

Deno.test("Prometheus text has escaped labels, cumulated buckets and families without samples", () => {
  assert.deepEqual(renderMetrics(SNAPSHOT, TEXT_TYPE).split("\n"), [
    '# HELP o_runs_total Runs of a "kind".\\nTwo lines, one \\\\.',
    "# TYPE o_runs_total counter",
    'o_runs_total{workflow="a \\"b\\"\\n\\\\c"} 3',
    "# HELP o_took_seconds Time.",
    "# TYPE o_took_seconds histogram",
    ...SAMPLES,
    "",
  ]);
});

Deno.test("OpenMetrics names counters without _total, escapes quotes in help, and ends with EOF", () => {
  assert.deepEqual(renderMetrics(SNAPSHOT, OPEN_METRICS_TYPE).split("\n"), [
    '# HELP o_runs Runs of a \\"kind\\".\\nTwo lines, one \\\\.',
    "# TYPE o_runs counter",
    'o_runs_total{workflow="a \\"b\\"\\n\\\\c"} 3',
    "# HELP o_took_seconds Time.",
    "# TYPE o_took_seconds histogram",
    ...SAMPLES,
    "# EOF",
    "",
  ]);
});
