// A document's fenced blocks, with what the comments before them say about them, and its tables.

export interface Block {
  language: string;
  text: string;
  /** Line of the opening fence, from 1. */
  line: number;
  /** Texts of the HTML comments right before the block. */
  marks: string[];
}

const FENCE = /^```(\w*)$/;
const MARK = /^<!-- (.*) -->$/;

/** All fenced blocks in their order. */
export function readBlocks(document: string): Block[] {
  const blocks: Block[] = [];
  const lines = document.split("\n");
  let marks: string[] = [];
  for (let at = 0; at < lines.length; at++) {
    const mark = MARK.exec(lines[at]);
    if (mark !== null) marks.push(mark[1]);
    const fence = FENCE.exec(lines[at]);
    if (fence !== null) {
      const end = lines.indexOf("```", at + 1);
      const text = lines.slice(at + 1, end).map((line) => `${line}\n`).join("");
      blocks.push({ language: fence[1], text, line: at + 1, marks });
      at = end;
    }
    if (mark === null) marks = [];
  }
  return blocks;
}

/** What stands behind `name` in one of the marks: `file: a.yml` is `a.yml`; null without it. */
export function readMark(block: Pick<Block, "marks">, name: string): string | null {
  const mark = block.marks.find((it) => it.startsWith(`${name} `));
  return mark?.slice(name.length + 1) ?? null;
}

/** The cells of the table behind a mark, without its head. */
export function readTable(document: string, mark: string): string[][] {
  const [, after] = document.split(`<!-- ${mark} -->\n`);
  const lines = after.split("\n");
  const end = lines.findIndex((line) => !line.startsWith("|"));
  return lines.slice(2, end).map((line) =>
    line.slice(1, -1).split(/(?<!\|)\|(?!\|)/).map((cell) => cell.trim())
  );
}

/** The document with another text in one of its blocks. */
export function replaceBlock(document: string, { line }: Block, text: string): string {
  const lines = document.split("\n");
  const end = lines.indexOf("```", line);
  lines.splice(line, end - line, ...text.replace(/\n$/, "").split("\n"));
  return lines.join("\n");
}
