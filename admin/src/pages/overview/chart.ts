// One chart: a picture by uPlot, a legend with the numbers of the span pointed at, and the same as a table.
import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "../../html.ts";
import { ChartTable } from "./chart_table.ts";
import { drawChart, type DrawnChart } from "./draw_chart.ts";
import { useColorScheme } from "./color_scheme.ts";
import { formatSpanOfTime } from "./chart_axes.ts";

export interface ChartLine {
  label: string;
  /** Name of the CSS variable. */
  color: string;
  dash?: number[];
  values: (number | null)[];
  /** Over the whole window, where that can be said. */
  total?: number | null;
}

export interface ChartProps {
  title: string;
  kind: "line" | "stack";
  lines: ChartLine[];
  /** When each span begins, in milliseconds. */
  at: number[];
  bucketMs: number;
  /** The window in words. */
  words: string;
  format(value: number): string;
  /** Values are milliseconds. */
  isSpan?: boolean;
  /** The upper end of the scale, where it is known. */
  top?: number;
}

export function Chart(props: ChartProps) {
  const { title, lines, at, bucketMs, words, format } = props;
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<DrawnChart | null>(null);
  const newest = useRef(props);
  newest.current = props;
  const [pointed, setPointed] = useState<number | null>(null);
  const [problem, setProblem] = useState(false);
  const scheme = useColorScheme();
  const isEmpty = lines.every(({ values }) => values.every((value) => !value));
  const content = JSON.stringify([at[0], lines.map(({ values }) => values)]);

  useEffect(() => {
    if (isEmpty) return;
    let isOver = false;
    drawChart(box.current!, newest.current, setPointed).then(
      (drawn) => isOver ? drawn.remove() : void (chart.current = drawn),
      () => setProblem(true),
    );
    return () => {
      isOver = true;
      chart.current?.remove();
      chart.current = null;
    };
    // Another width of the spans is another window, with axes of its own.
  }, [scheme, isEmpty, bucketMs]);
  useEffect(() => chart.current?.update(newest.current), [content]);

  const isPointed = pointed !== null && pointed < at.length;
  const shown = lines.map((line) =>
    isPointed ? line.values[pointed] : line.total === undefined ? readLast(line) : line.total
  );
  const legend = lines.map(({ label }, index) =>
    `${label} ${shown[index] === null ? "–" : format(shown[index]!)}`
  );
  const meaning = isPointed
    ? formatSpanOfTime(at[pointed], bucketMs)
    : lines[0].total === undefined
    ? "the newest"
    : `in ${words}`;
  return html`
    <section class="panel chart">
      <h2>${title} <small class="muted">${meaning}</small></h2>
      <p class="legend">
        ${lines.map((line, index) =>
          html`
            <span key=${line.label}>
              <svg class="swatch" viewBox="0 0 20 10" aria-hidden="true">
                <path d=${props.kind === "stack" ? "M4 5H16" : "M0 5H20"}
                  style=${{
                    stroke: `var(${line.color})`,
                    strokeWidth: props.kind === "stack" ? 10 : 3,
                    strokeDasharray: line.dash ? "6 4" : "none",
                  }} />
              </svg>
              ${line.label} <strong>${shown[index] === null ? "–" : format(shown[index]!)}</strong>
            </span>
          `
        )}
      </p>
      ${isEmpty || problem
        ? html`<p class="chart-box chart-empty muted">${
          problem
            ? "The chart could not be loaded; the table has its numbers."
            : `Nothing in ${words}.`
        }</p>`
        : html`
          <div class="chart-box" ref=${box} role="img"
            aria-label=${`Chart of ${title.toLowerCase()}: ${
              legend.join(", ")
            }. The table below has all numbers.`}></div>
        `}
      <${ChartTable} title=${title} lines=${lines} at=${at} bucketMs=${bucketMs} format=${format} />
    </section>
  `;
}

function readLast({ values }: ChartLine): number | null {
  return values.findLast((value) => value !== null) ?? null;
}
