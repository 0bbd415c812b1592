// Where a character of a YAML text stands in the file: a fault in an expression is shown under the
// word that is wrong, not at the beginning of the value. Pure.

export type TextStyle = "plain" | "single" | "double" | "block";

/**
 * The offset in `raw`, the text as it stands in the file, of character `at` of `value`, the text that
 * it means: quotes, escapes, indentation and folded line breaks lie between the two. Best effort; 0
 * where they cannot be brought together.
 */
export function findRawOffset(raw: string, value: string, at: number, style: TextStyle): number {
  let from = style === "block" ? raw.indexOf("\n") + 1 : style === "plain" ? 0 : 1;
  if (style === "block") from = skipSpace(raw, from);
  let to = 0;
  while (to < at && from < raw.length) {
    const escape = style === "double" ? measureEscape(raw, from) : 0;
    if (escape > 0 && isBreak(raw[from + 1])) {
      // An escaped line break stands for nothing.
      from = skipSpace(raw, from + escape);
    } else if (escape > 0) {
      from += escape;
      to += (value.codePointAt(to) ?? 0) > 0xFFFF ? 2 : 1;
    } else if (style === "single" && raw.startsWith("''", from)) {
      from += 2;
      to++;
    } else if (isBreak(raw[from])) {
      from = skipSpace(raw, from);
      if (value[to] === " ") to++;
      else while (isSpace(value[to])) to++;
    } else if (raw[from] === value[to]) {
      from++;
      to++;
    } else if (isSpace(raw[from])) from++;
    else if (isSpace(value[to])) to++;
    else return 0;
  }
  // The line may have ended where the wanted character was looked for.
  if (style === "double" && raw[from] === "\\" && isBreak(raw[from + 1])) from++;
  if (!isSpace(value[at])) from = skipSpace(raw, from);
  return to >= at ? from : 0;
}

/** `\n` is 2 long, `\x41` 4, `\u0041` 6, `\U00000041` 10; 0 where there is no escape. */
function measureEscape(raw: string, at: number): number {
  if (raw[at] !== "\\") return 0;
  const lengths: Record<string, number> = { x: 4, u: 6, U: 10 };
  return lengths[raw[at + 1]] ?? 2;
}

function skipSpace(raw: string, at: number): number {
  while (isSpace(raw[at])) at++;
  return at;
}

function isSpace(character: string | undefined): boolean {
  return character === " " || character === "\t" || isBreak(character);
}

function isBreak(character: string | undefined): boolean {
  return character === "\n" || character === "\r";
}
