// What a command shows while it works: a block that is redrawn in a terminal, plain lines elsewhere.

const isTerminal = Deno.stdout.isTerminal();
const hasColour = isTerminal && Deno.env.get("NO_COLOR") === undefined;

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

/** Colours a text where the terminal can show it. */
export function paint(colour: keyof typeof CODES, text: string): string {
  return hasColour ? `\x1b[${CODES[colour]}m${text}\x1b[0m` : text;
}

/** Prints a heading between the parts of a longer output. */
export function printHeading(text: string): void {
  console.log(`\n${paint("bold", text)}`);
}

export interface LiveGroup {
  title: string;
  lines: string[];
}

/**
 * Shows the present state of some work. In a terminal each call redraws the block; elsewhere only
 * lines that are new are printed, each with its group's title, so that a log reads as a story.
 */
export class LiveBlock {
  #height = 0;
  readonly #shown = new Set<string>();

  show(groups: LiveGroup[]): void {
    if (isTerminal) this.#redraw(groups.flatMap(({ title, lines }) => [title, ...lines]));
    else this.#append(groups.flatMap(({ title, lines }) => lines.map((line) => title + line)));
  }

  #redraw(lines: string[]): void {
    const up = this.#height > 0 ? `\x1b[${this.#height}A` : "";
    const text = lines.map((line) => `\x1b[2K${line}\n`).join("");
    // Without wrapping, so that a narrow window cuts lines instead of spoiling the count of them.
    Deno.stdout.writeSync(new TextEncoder().encode(`\x1b[?7l${up}${text}\x1b[?7h`));
    this.#height = lines.length;
  }

  #append(lines: string[]): void {
    for (const line of lines) {
      if (this.#shown.has(line)) continue;
      this.#shown.add(line);
      console.log(line.trimEnd());
    }
  }
}
