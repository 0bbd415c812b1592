// What a jsonb column can hold, checked before the call: one value that Postgres refuses would make
// it refuse the whole batch that the value travels in.

/** Postgres parses JSON recursively within max_stack_depth; honest data is nowhere near this. */
export const MAX_JSON_DEPTH = 512;

/** Names the first place in a parsed JSON value that jsonb refuses, or null if it takes all of it. */
export function findUnstorable(value: unknown): string | null {
  const open: { value: unknown; path: string; depth: number }[] = [{
    value,
    path: "",
    depth: 1,
  }];
  for (let item = open.pop(); item !== undefined; item = open.pop()) {
    const { value, path, depth } = item;
    if (typeof value === "string") {
      const reason = findBadText(value);
      if (reason !== null) return `${reason}${at(path)}`;
    } else if (typeof value === "object" && value !== null) {
      if (depth > MAX_JSON_DEPTH) {
        return `is nested deeper than ${MAX_JSON_DEPTH} levels`;
      }
      for (const [name, member] of Object.entries(value)) {
        const reason = Array.isArray(value) ? null : findBadText(name);
        if (reason !== null) return `${reason} in a member's name${at(path)}`;
        if (
          typeof member !== "string" &&
          (typeof member !== "object" || member === null)
        ) continue;
        // A path longer than this is of no use to a reader, and deep values would cost its square.
        const memberPath = path.length > 200 ? path : path === "" ? name : `${path}.${name}`;
        open.push({ value: member, path: memberPath, depth: depth + 1 });
      }
    }
  }
  return null;
}

function findBadText(text: string): string | null {
  if (text.includes("\u0000")) {
    return "has the character \\u0000, which cannot be stored,";
  }
  if (!text.isWellFormed()) {
    return "has half a surrogate pair, which cannot be stored,";
  }
  return null;
}

function at(path: string): string {
  return path === "" ? "" : ` at ${path}`;
}
