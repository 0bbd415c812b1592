// Source files as the checks read them: code without its comments and texts, so that a word in a
// message is not taken for a use of the thing.

/** A file below the repository's root; `code` has the same lines and columns as `text`. */
export interface SourceFile {
  path: string;
  text: string;
  code: string;
}

export interface TextMatch {
  line: number;
  text: string;
}

/** Reads all files below the folders whose names end in one of the given ways, sorted by path. */
export async function readSources(
  root: string,
  folders: readonly string[],
  endings: readonly string[],
): Promise<SourceFile[]> {
  const files: SourceFile[] = [];
  for (const folder of folders) {
    for await (const path of walk(root, folder)) {
      if (!endings.some((ending) => path.endsWith(ending))) continue;
      const text = await Deno.readTextFile(`${root}/${path}`);
      files.push({ path, text, code: path.endsWith(".ts") ? blankComments(text) : text });
    }
  }
  return files.sort((a, b) => a.path < b.path ? -1 : 1);
}

/** Every match with its line (from 1). */
export function findMatches(text: string, pattern: RegExp): TextMatch[] {
  return [...text.matchAll(new RegExp(pattern, `${pattern.flags.replace("g", "")}g`))].map((
    match,
  ) => ({ line: text.slice(0, match.index).split("\n").length, text: match[0].trim() }));
}

async function* walk(root: string, folder: string): AsyncGenerator<string> {
  let entries: Deno.DirEntry[];
  try {
    entries = await Array.fromAsync(Deno.readDir(`${root}/${folder}`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  for (const entry of entries) {
    if (entry.name === "node_modules" || entry.name.startsWith(".")) continue;
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) yield* walk(root, path);
    else yield path;
  }
}

/**
 * Replaces comments, strings and regular expressions by spaces; expressions inside of template
 * literals stay. A tokenizer, not a parser: whether a slash divides is guessed from what precedes.
 */
export function blankComments(text: string): string {
  let blanked = "";
  let offset = 0;
  const templateDepths: number[] = [];
  let depth = 0;
  const blankTo = (end: number) => {
    blanked += text.slice(offset, end).replace(/[^\n]/g, " ");
    offset = end;
  };
  const keep = () => blanked += text[offset++];
  while (offset < text.length) {
    const character = text[offset];
    const pair = text.slice(offset, offset + 2);
    if (pair === "//") blankTo(indexOrEnd(text, "\n", offset));
    else if (pair === "/*") blankTo(indexOrEnd(text, "*/", offset + 2) + 2);
    else if (character === '"' || character === "'") blankTo(findStringEnd(text, offset));
    else if (character === "`" || (character === "}" && templateDepths.at(-1) === depth)) {
      if (character === "}") templateDepths.pop();
      const end = findTemplateEnd(text, offset + 1);
      blankTo(end);
      if (text[end - 1] === "{") templateDepths.push(depth);
    } else if (character === "/" && startsExpression(blanked)) {
      blankTo(findRegExpEnd(text, offset));
    } else {
      if (character === "{") depth += 1;
      if (character === "}") depth -= 1;
      keep();
    }
  }
  return blanked;
}

function indexOrEnd(text: string, wanted: string, from: number): number {
  const index = text.indexOf(wanted, from);
  return index === -1 ? text.length : index;
}

function findStringEnd(text: string, start: number): number {
  const pattern = text[start] === '"' ? /"(?:[^"\\\n]|\\[^])*"?/y : /'(?:[^'\\\n]|\\[^])*'?/y;
  pattern.lastIndex = start;
  return start + (pattern.exec(text)?.[0].length ?? 1);
}

/** Behind the closing backtick, or behind the `${` of the next expression. */
function findTemplateEnd(text: string, start: number): number {
  for (let offset = start; offset < text.length; offset++) {
    if (text[offset] === "\\") offset += 1;
    else if (text[offset] === "`") return offset + 1;
    else if (text.startsWith("${", offset)) return offset + 2;
  }
  return text.length;
}

function findRegExpEnd(text: string, start: number): number {
  const pattern = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
  pattern.lastIndex = start;
  return start + (pattern.exec(text)?.[0].length ?? 1);
}

function startsExpression(before: string): boolean {
  const code = before.trimEnd();
  return code === "" || /[(,=:[!&|?{};+\-*%~^<>]$/.test(code) ||
    /\b(?:return|typeof|case|in|of|await|yield|new)$/.test(code);
}
