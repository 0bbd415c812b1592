// Metrics as the text that a scraper reads: Prometheus' text format 0.0.4, or OpenMetrics 1.0.0.
// https://prometheus.io/docs/instrumenting/exposition_formats/
// https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md
import type { MetricFamily, MetricSample, MetricSnapshot } from "../database/rows.ts";

/** The media types that a scraper may ask for. */
export const TEXT_TYPE = "text/plain";
export const OPEN_METRICS_TYPE = "application/openmetrics-text";

/** What the answer says it is. */
export const CONTENT_TYPES = {
  [TEXT_TYPE]: `${TEXT_TYPE}; version=0.0.4; charset=utf-8`,
  [OPEN_METRICS_TYPE]: `${OPEN_METRICS_TYPE}; version=1.0.0; charset=utf-8`,
} as const;

export type MetricsType = keyof typeof CONTENT_TYPES;

/** Writes every family with its help, also one that has no sample yet. */
export function renderMetrics({ bounds, families }: MetricSnapshot, type: MetricsType): string {
  const isOpen = type === OPEN_METRICS_TYPE;
  const lines = families.flatMap((family) => {
    // OpenMetrics names a family of counters without the end that its samples have.
    const name = isOpen && family.type === "counter"
      ? family.name.replace(/_total$/, "")
      : family.name;
    return [
      `# HELP ${name} ${escapeText(family.help, isOpen)}`,
      `# TYPE ${name} ${family.type}`,
      ...family.samples.flatMap((sample) => renderSample(family, sample, bounds)),
    ];
  });
  return [...lines, ...(isOpen ? ["# EOF"] : []), ""].join("\n");
}

function renderSample(family: MetricFamily, sample: MetricSample, bounds: number[]): string[] {
  const labels = family.labels.map((label, at) =>
    `${label}="${escapeText(sample.labels[at] ?? "", true)}"`
  );
  const write = (suffix: string, value: number, more: string[] = []) => {
    const all = [...labels, ...more];
    const braces = all.length === 0 ? "" : `{${all.join(",")}}`;
    return `${family.name}${suffix}${braces} ${value}`;
  };
  if (family.type !== "histogram") return [write("", sample.value)];
  let count = 0;
  const buckets = [...bounds, Infinity].map((bound, at) => {
    count += sample.buckets?.[at] ?? 0;
    return write("_bucket", count, [`le="${formatBound(bound)}"`]);
  });
  return [...buckets, write("_sum", sample.sum ?? 0), write("_count", count)];
}

/** As OpenMetrics has it, and in both formats, so that changing between them begins no new series. */
function formatBound(bound: number): string {
  if (bound === Infinity) return "+Inf";
  return Number.isInteger(bound) ? bound.toFixed(1) : String(bound);
}

function escapeText(text: string, hasQuotes: boolean): string {
  const escaped = text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return hasQuotes ? escaped.replaceAll('"', '\\"') : escaped;
}
