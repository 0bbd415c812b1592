// The picture of a chart on a canvas. uPlot is loaded when the first is drawn: other pages do not pay for it.
import type uPlot from "uplot";
import type { ChartLine, ChartProps } from "./chart.ts";
import { formatSpanTick, formatTick, SPAN_STEPS } from "./chart_axes.ts";

export interface DrawnChart {
  update(props: ChartProps): void;
  remove(): void;
}

const HEIGHT_PX = 190;
const AXIS_PX = 62;
const FONT = "12px system-ui, sans-serif";

/** Draws into `box`; `point` hears of the span under the pointer. */
export async function drawChart(
  box: HTMLElement,
  props: ChartProps,
  point: (index: number | null) => void,
): Promise<DrawnChart> {
  const { default: Plot } = await import("uplot");
  let shown = props;
  const plot = new Plot(
    {
      width: Math.max(1, box.clientWidth),
      height: HEIGHT_PX,
      legend: { show: false },
      padding: [10, 20, 0, 0],
      cursor: { y: false, drag: { x: false, y: false } },
      scales: {
        x: { range: () => readSpan(shown) },
        y: { range: (_, _min, max) => [0, readTop(shown, max)] },
      },
      axes: [
        describeAxis({ values: (_, ticks) => ticks.map(formatTick) }),
        describeY(props),
      ],
      series: [
        {},
        ...props.lines.map((line) => describeSeries(line, props, Plot)),
      ],
      hooks: { setCursor: [({ cursor }) => point(cursor.idx ?? null)] },
    },
    readData(props),
    box,
  );
  const observer = new ResizeObserver(() =>
    plot.setSize({ width: Math.max(1, box.clientWidth), height: HEIGHT_PX })
  );
  observer.observe(box);
  return {
    update(next) {
      shown = next;
      plot.setData(readData(next));
    },
    remove() {
      observer.disconnect();
      plot.destroy();
    },
  };
}

function readSpan({ at, bucketMs }: ChartProps): [number, number] {
  return [at[0] / 1000, (at[at.length - 1] + bucketMs) / 1000];
}

function readTop({ top, isSpan }: ChartProps, max: number | null): number {
  if (top !== undefined) return top * 1.04;
  return Math.max(isSpan ? 10 : 4, (max ?? 0) * 1.1);
}

/** Each value in the middle of its span; of a stack the sums, each upon those before it. */
function readData(
  { at, bucketMs, lines, kind }: ChartProps,
): uPlot.AlignedData {
  const middles = at.map((ms) => (ms + bucketMs / 2) / 1000);
  if (kind === "line") return [middles, ...lines.map(({ values }) => values)];
  const sums: number[][] = [];
  for (const { values } of lines) {
    sums.push(
      values.map((value, index) => (value ?? 0) + (sums.at(-1)?.[index] ?? 0)),
    );
  }
  // The highest is drawn first, so that those below stay in sight.
  return [middles, ...sums.reverse()];
}

function describeSeries(
  line: ChartLine,
  { kind, lines }: ChartProps,
  Plot: typeof uPlot,
): uPlot.Series {
  if (kind === "stack") {
    const drawn = lines[lines.length - 1 - lines.indexOf(line)];
    return {
      fill: readColor(drawn.color),
      width: 0,
      paths: Plot.paths.bars!({ size: [0.8, Infinity] }),
      points: { show: false },
    };
  }
  const stroke = readColor(line.color);
  return {
    stroke,
    width: 2,
    dash: line.dash,
    // A line needs two points; a value between two gaps would not be seen.
    // Rings for dashes: they tell lines apart as well.
    points: {
      show: true,
      size: line.dash ? 8 : 5,
      fill: line.dash ? "transparent" : stroke,
      filter: findLoners,
    },
  };
}

function findLoners(plot: uPlot, series: number): number[] {
  const values = plot.data[series];
  const isGap = (index: number) => values[index] === null || values[index] === undefined;
  return [...values.keys()].filter((index) =>
    !isGap(index) && isGap(index - 1) && isGap(index + 1)
  );
}

function describeAxis(more: uPlot.Axis): uPlot.Axis {
  const line = { stroke: readColor("--line"), width: 1 };
  return {
    stroke: readColor("--muted"),
    font: FONT,
    grid: line,
    ticks: line,
    ...more,
  };
}

function describeY({ isSpan, top, format }: ChartProps): uPlot.Axis {
  const words = isSpan ? formatSpanTick : format;
  return describeAxis({
    size: AXIS_PX,
    values: (_, ticks) => ticks.map((tick) => words(tick)),
    // Halves of a run are no ticks.
    incrs: isSpan ? SPAN_STEPS : top === undefined ? readWholeSteps() : [0.25, 0.5],
  });
}

function readWholeSteps(): number[] {
  return [...Array(9).keys()].flatMap((power) => [1, 2, 5].map((step) => step * 10 ** power));
}

function readColor(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name)
    .trim();
}
