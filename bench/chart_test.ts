import assert from "node:assert/strict";
import { drawChart } from "./chart.ts";

const RESULTS = {
  repeats: 5,
  measured_at: "2026-01-02T03:04:05Z",
  bare_loop_jobs_per_s: 20_000,
  core_1step_runs_per_s: 10_000,
  core_3step_runs_per_s: 3_000,
};

/** Widths of the bars of a kind. */
function readWidths(svg: string, kind: string): number[] {
  return [...svg.matchAll(new RegExp(`<rect class="${kind}"[^>]* width="([\\d.]+)"`, "g"))]
    .map(([, width]) => Number(width));
}

Deno.test("bars of a group are as long as their figures, and the figures stand beside them", () => {
  const svg = drawChart(RESULTS);
  const [[bare], [ours]] = [readWidths(svg, "bare"), readWidths(svg, "ours")];
  assert.equal(ours / bare, 0.5);
  assert.match(svg, />20,000<\/text>/);
});

Deno.test("a group with one bar is not drawn: it compares nothing", () => {
  const svg = drawChart(RESULTS);
  assert.doesNotMatch(svg, /three steps in a row/);
  assert.match(drawChart({ ...RESULTS, peer_dbos_3step_runs_per_s: 200 }), /three steps in a row/);
});

Deno.test("the chart tells its figures to those who do not see it, in both colour schemes", () => {
  const svg = drawChart(RESULTS);
  assert.match(svg, /role="img" aria-labelledby="title description"/);
  assert.match(svg, /<desc[^>]*>[^<]*bare SQL loop 20,000, this engine's SQL core 10,000/);
  assert.match(svg, /@media \(prefers-color-scheme: dark\)/);
});

Deno.test("all of the drawing lies within its frame", () => {
  const svg = drawChart({ ...RESULTS, peer_graphile_worker_jobs_per_s: 123_456 });
  const [, width, height] = svg.match(/viewBox="0 0 (\d+) (\d+)"/)!.map(Number);
  for (
    const [, x, y, w, h] of svg.matchAll(
      /<rect .*? x="(\S+)" y="(\S+)" width="(\S+)" height="(\S+)"/g,
    )
  ) {
    assert.ok(Number(x) + Number(w) < width - 80, "room for the figure");
    assert.ok(Number(y) + Number(h) < height);
  }
});
