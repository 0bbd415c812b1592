// A request as a curl line for a POSIX shell. Pure.

export interface CurlRequest {
  method: string;
  url: string;
  headers: Record<string, string>;
  /** Sent as it is; undefined: no body. */
  body?: string;
}

/**
 * Writes a request down for a terminal. `variables` are headers that a variable of the shell's stands in
 * for, such as `{apikey: "$SUPABASE_SECRET_KEY"}`: they are the only ones in which `$` means anything.
 */
export function formatCurl(
  { method, url, headers, body }: CurlRequest,
  variables: Record<string, string> = {},
): string {
  // curl would read [1-9] and {a,b} in a URL as many URLs.
  const command = /[[\]{}]/.test(url) ? "curl -g" : "curl";
  const lines = [`${command} -X ${method} ${quoteForShell(url)}`];
  for (const [name, value] of Object.entries(headers)) {
    const isVariable = Object.hasOwn(variables, name);
    lines.push(
      `-H ${isVariable ? `"${name}: ${variables[name]}"` : quoteForShell(`${name}: ${value}`)}`,
    );
  }
  // Not --data: that would read a file where the body begins with @.
  if (body !== undefined) lines.push(`--data-raw ${quoteForShell(body)}`);
  return lines.join(" \\\n  ");
}

/** Within single quotes a shell leaves everything as it is but the quote itself. */
export function quoteForShell(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
