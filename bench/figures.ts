// Figures of a run: every measurement is kept by its flat name, and its median is what is told.

/** Measurements by figure; a figure measured n times has n values. */
export class Figures {
  readonly #values = new Map<string, number[]>();

  add(name: string, value: number): void {
    const values = this.#values.get(name);
    if (values === undefined) this.#values.set(name, [value]);
    else values.push(value);
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  median(name: string): number {
    return percentile(this.#read(name), 50);
  }

  /** Least and greatest value: how far the repeats lie apart. */
  range(name: string): [number, number] {
    const values = this.#read(name);
    return [Math.min(...values), Math.max(...values)];
  }

  /** Median of the ratios within each repeat, which load from outside bends less than the ratio of medians. */
  ratio(name: string, base: string): number {
    const [values, bases] = [this.#read(name), this.#read(base)];
    if (values.length !== bases.length) {
      throw new Error(`cannot compare ${name} with ${base}: they were not measured in turn`);
    }
    return percentile(values.map((value, at) => value / bases[at]), 50);
  }

  medians(): Record<string, number> {
    return Object.fromEntries(
      [...this.#values.keys()].map((name) => [name, round(this.median(name))]),
    );
  }

  #read(name: string): number[] {
    const values = this.#values.get(name);
    if (values === undefined) throw new Error(`no figure of the name ${name} was measured`);
    return values;
  }
}

/** The value below which `p` percent lie, between neighbours by linear interpolation. */
export function percentile(values: number[], p: number): number {
  if (values.length === 0) throw new Error("no values to take a percentile of");
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * p / 100;
  const low = Math.floor(at);
  const high = Math.ceil(at);
  return sorted[low] + (sorted[high] - sorted[low]) * (at - low);
}

/** Three significant digits at least, and no more decimals than a reader wants. */
export function round(value: number): number {
  if (Math.abs(value) >= 100) return Math.round(value);
  return Number(value.toPrecision(3));
}
