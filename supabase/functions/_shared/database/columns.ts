// Long lists travel by columns: every name once, with a list of what each row has. To write and to read
// that takes the database half of the work of a list of objects, and it is less than half as long.

/** A list of rows by columns: the first of each list belongs to the first row. */
export type Columns<Row> = { [Name in keyof Row]-?: Row[Name][] };

/** The rows of such a list; null stands for none. */
export function listRows<Row extends object>(columns: Columns<Row> | null): Row[] {
  if (columns === null) return [];
  const named = Object.entries<unknown[]>(columns);
  return named[0][1].map((_, at) =>
    Object.fromEntries(named.map(([name, values]) => [name, values[at]])) as Row
  );
}

/** Writes rows by columns: of the names that any row has, with null where a row has none. */
export function writeColumns<Row extends object>(rows: readonly Row[]): Columns<Row> {
  const columns: Record<string, unknown[]> = {};
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at] as Record<string, unknown>;
    for (const name in row) {
      if (row[name] === undefined) continue;
      columns[name] ??= new Array(rows.length).fill(null);
      columns[name][at] = row[name];
    }
  }
  return columns as Columns<Row>;
}
