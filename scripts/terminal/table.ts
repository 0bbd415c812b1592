// Rows as a table of plain text, for query results and step lists in a terminal.

export type Cell = string | number | boolean | null | Date | object;

/** Columns are as wide as their content, at most `maxWidth` characters; numbers stand to the right. */
export function formatTable(rows: Record<string, unknown>[], maxWidth = 44): string {
  if (rows.length === 0) return "(no rows)";
  const names = Object.keys(rows[0]);
  const texts = rows.map((row) => names.map((name) => cut(formatCell(row[name]), maxWidth)));
  const widths = names.map((name, at) =>
    Math.max(name.length, ...texts.map((cells) => cells[at].length))
  );
  const isNumber = names.map((name) =>
    rows.every((row) => row[name] === null || /^-?\d+(\.\d+)?$/.test(formatCell(row[name])))
  );
  const line = (cells: string[]) =>
    cells.map((cell, at) => isNumber[at] ? cell.padStart(widths[at]) : cell.padEnd(widths[at]))
      .join("  ").trimEnd();
  return [line(names), widths.map((width) => "─".repeat(width)).join("  "), ...texts.map(line)]
    .join("\n");
}

function formatCell(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (value instanceof Date) return value.toISOString().replace("T", " ").slice(0, 19);
  if (typeof value === "object") return JSON.stringify(value);
  return String(value);
}

function cut(text: string, width: number): string {
  const line = text.replaceAll(/\s+/g, " ");
  return line.length > width ? `${line.slice(0, width - 1)}…` : line;
}
