// Quotes values for statements that travel as one text (see role_pool.ts for why they do).

/** Quotes an identifier. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Quotes a value; needs `standard_conforming_strings`, which role_pool.ts asks for. */
export function quoteLiteral(value: string): string {
  if (value.includes("\0")) throw new Error("cannot pass a text with a zero character to SQL");
  return `'${value.replaceAll("'", "''")}'`;
}
