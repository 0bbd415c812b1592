// Which charts there are, from the spans of an overview.
import type {
  Overview,
  OverviewBucket,
} from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { html } from "../../html.ts";
import { formatSpan } from "../../ui/time.ts";
import { Chart, type ChartLine } from "./chart.ts";
import { formatRate } from "./tiles.ts";

/** Dashes tell lines apart without colours. */
const DASHED = [6, 4];

export function Charts(
  { overview, words }: { overview: Overview; words: string },
) {
  const { series, bucket_ms, totals } = overview;
  const at = series.map((bucket) => Date.parse(bucket.at));
  const line = (
    label: string,
    color: string,
    value: (bucket: OverviewBucket) => number | null,
    more: Partial<ChartLine> = {},
  ): ChartLine => ({ label, color, values: series.map(value), ...more });
  const sum = (of: (bucket: OverviewBucket) => number | null) =>
    series.reduce((total, bucket) => total + (of(bucket) ?? 0), 0);
  const common = { at, bucketMs: bucket_ms, words };
  return html`
    <${Chart} ...${common} title="Runs ended" kind="stack" format=${formatCount}
      lines=${[
        line("failed", "--bad", (bucket) => bucket.runs_failed, {
          total: sum((b) => b.runs_failed),
        }),
        line("cancelled", "--still", (bucket) => bucket.runs_cancelled, {
          total: sum((b) => b.runs_cancelled),
        }),
        line("success", "--good", (bucket) => bucket.runs_success, {
          total: sum((b) => b.runs_success),
        }),
      ]} />
    <${Chart} ...${common} title="Success rate" kind="line" top=${1}
      format=${formatRate}
      lines=${[
        line("runs", "--good", rateOfRuns, { total: totals.success_rate }),
        line("attempts", "--busy", rateOfAttempts, {
          dash: DASHED,
          total: readRate(
            totals.attempts - totals.attempts_failed,
            totals.attempts,
          ),
        }),
      ]} />
    <${Chart} ...${common} title="Attempts" kind="stack" format=${formatCount}
      lines=${[
        line("failed", "--bad", (bucket) => bucket.attempts_failed, {
          total: sum((b) => b.attempts_failed),
        }),
        line(
          "succeeded",
          "--busy",
          (bucket) => bucket.attempts - bucket.attempts_failed,
          {
            total: sum((b) => b.attempts - b.attempts_failed),
          },
        ),
      ]} />
    <${Chart} ...${common} title="How long attempts take" kind="line" isSpan
      format=${formatSpan}
      lines=${[
        line("median", "--busy", (bucket) => bucket.attempt_p50_ms),
        line(
          "95 % within",
          "--warn",
          (bucket) => bucket.attempt_p95_ms,
          { dash: DASHED },
        ),
      ]} />
    <${Chart} ...${common} title="How long runs take" kind="line" isSpan
      format=${formatSpan}
      lines=${[
        line("median", "--busy", (bucket) => bucket.run_p50_ms),
        line("95 % within", "--warn", (bucket) => bucket.run_p95_ms, {
          dash: DASHED,
        }),
      ]} />
  `;
}

function rateOfRuns(
  { runs_success, runs_failed }: OverviewBucket,
): number | null {
  return readRate(runs_success, runs_success + runs_failed);
}

function rateOfAttempts(
  { attempts, attempts_failed }: OverviewBucket,
): number | null {
  return readRate(attempts - attempts_failed, attempts);
}

function readRate(good: number, all: number): number | null {
  return all === 0 ? null : good / all;
}

function formatCount(count: number): string {
  return count.toLocaleString();
}
