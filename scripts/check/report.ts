// What a check says: one line a rule, the breaches below it, and the exit code.

export interface Breach {
  path: string;
  line?: number;
  message: string;
}

export interface RuleResult {
  rule: string;
  breaches: Breach[];
}

/** The lines of a report; a note stands behind a rule that holds. */
export function formatReport(results: readonly (RuleResult & { note?: string })[]): string[] {
  return results.flatMap(({ rule, breaches, note }) => [
    breaches.length === 0
      ? `ok    ${rule}${note === undefined ? "" : ` (${note})`}`
      : `FAIL  ${rule}`,
    ...breaches.map(({ path, line, message }) => `      ${path}:${line ?? 1}: ${message}`),
  ]);
}

/** Prints the report and ends the process, with 1 if any rule is broken. */
export function finish(results: readonly (RuleResult & { note?: string })[]): never {
  for (const line of formatReport(results)) console.log(line);
  Deno.exit(results.some(({ breaches }) => breaches.length > 0) ? 1 : 0);
}
