// What an action changed, in as few words as a table row has room for.
type Json = Record<string, unknown>;

export interface Change {
  name: string;
  /** Null: it was not there before, or is gone. */
  before: string | null;
  after: string | null;
}

const LONGEST = 48;
const HASH = /^[0-9a-f]{64}$/;

/** The parts that differ, by name; a snapshot that is missing counts as empty. */
export function compareSnapshots(
  before: Json | null,
  after: Json | null,
): Change[] {
  const names = new Set([
    ...Object.keys(before ?? {}),
    ...Object.keys(after ?? {}),
  ]);
  return [...names]
    .filter((name) => JSON.stringify(before?.[name]) !== JSON.stringify(after?.[name]))
    .map((name) => ({
      name: name.replaceAll("_", " "),
      before: describeValue(before?.[name]),
      after: describeValue(after?.[name]),
    }));
}

function describeValue(value: unknown): string | null {
  if (value === undefined) return null;
  if (Array.isArray(value)) {
    return `${value.length} ${value.length === 1 ? "entry" : "entries"}`;
  }
  const text = typeof value === "string" ? value : JSON.stringify(value);
  if (HASH.test(text)) return `${text.slice(0, 12)}…`;
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}
