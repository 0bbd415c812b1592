// Finds `${{ … }}` in strings. Braces and quotes of the expressions themselves are read as CEL reads
// them, so that `${{ '}}' }}` and `${{ {'a': {'b': 1}} }}` end where they should.
import type { ExpressionFault } from "./cel.ts";

const OPENING = "${{";
const CLOSING = "}}";

/** A text as it is, or an expression's source and where that begins. */
export type Segment = string | { source: string; offset: number };

export type Template = { segments: Segment[]; fault?: undefined } | { fault: ExpressionFault };

/** Tells whether a string holds an expression, if only a broken one. */
export function hasExpression(text: string): boolean {
  return text.includes(OPENING);
}

/**
 * Cuts a string into texts and expressions. A literal `${{` is written as an expression,
 * `${{ '${{' }}`; a `}}` outside of expressions is plain text.
 */
export function readTemplate(text: string): Template {
  const segments: Segment[] = [];
  let at = 0;
  while (at < text.length) {
    const opening = text.indexOf(OPENING, at);
    const end = opening === -1 ? text.length : opening;
    if (end > at) segments.push(text.slice(at, end));
    if (opening === -1) break;
    const offset = opening + OPENING.length;
    const closing = findClosing(text, offset);
    if (typeof closing !== "number") return { fault: { offset: opening, ...closing } };
    segments.push({ source: text.slice(offset, closing), offset });
    at = closing + CLOSING.length;
  }
  return { segments };
}

/** Where the expression that begins at `from` ends, or what is wrong with it. */
function findClosing(text: string, from: number): number | Partial<ExpressionFault> & Message {
  let openBraces = 0;
  let at = from;
  while (at < text.length) {
    const character = text[at];
    if (character === '"' || character === "'") {
      const end = findStringEnd(text, at);
      if (end === null) {
        return { offset: at, message: `the string is not closed: add ${character}` };
      }
      at = end;
    } else if (text.startsWith("//", at)) {
      at = findCommentEnd(text, at);
    } else {
      if (character === "{") openBraces++;
      else if (character === "}" && openBraces > 0) openBraces--;
      else if (text.startsWith(CLOSING, at)) return at;
      at++;
    }
  }
  return { message: "${{ is not closed: add }} behind the expression" };
}

type Message = { message: string };

function findStringEnd(text: string, start: number): number | null {
  const quote = text[start];
  const isLong = text.startsWith(quote.repeat(3), start);
  const closing = isLong ? quote.repeat(3) : quote;
  for (let at = start + closing.length; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (!isLong && (text[at] === "\n" || text[at] === "\r")) return null;
    else if (text.startsWith(closing, at)) return at + closing.length;
  }
  return null;
}

/** A comment ends with its line or with the expression, whichever comes first. */
function findCommentEnd(text: string, start: number): number {
  const end = /\n|\}\}/g;
  end.lastIndex = start;
  return end.exec(text)?.index ?? text.length;
}
