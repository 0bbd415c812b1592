// What is typed into the fields, as text, and the values that it stands for. Pure.
import type { Problem } from "../../../../../supabase/functions/_shared/contract/errors.ts";
import { type Field, isMap } from "./fields.ts";

/** A text for a field of one value, a list or a map of further entries for the others. */
export type Entry = string | Entry[] | { [name: string]: Entry };

export interface ReadEntry {
  /** Undefined: nothing is given. */
  value: unknown;
  problems: Problem[];
}

/** The path of a part as the server writes it: `payload.tags[0]`. */
export function joinPath(path: string, part: string | number): string {
  if (typeof part === "number" || /^\d+$/.test(part)) return `${path}[${part}]`;
  return `${path}.${/^[A-Za-z_][\w-]*$/.test(part) ? part : JSON.stringify(part)}`;
}

/** What a field holds for a value; undefined: its default, or nothing. */
export function writeEntry(field: Field, given: unknown): Entry {
  const value = given === undefined ? field.fallback : given;
  switch (field.kind) {
    case "object": {
      const map = isMap(value) ? value : {};
      return Object.fromEntries(
        field.fields.map((
          inner,
        ) => [inner.name, writeEntry(inner, map[inner.name])]),
      );
    }
    case "list":
      return Array.isArray(value) ? value.map((item) => writeEntry(field.item, item)) : [];
    case "json":
      return value === undefined ? "" : JSON.stringify(value, null, 2);
    case "choice":
      return value === undefined ? "" : JSON.stringify(value);
    default:
      if (value === undefined) return "";
      return field.kind === "text" && field.type === "datetime-local"
        ? writeLocalTime(String(value))
        : String(value);
  }
}

export function readEntry(
  field: Field,
  entry: Entry | undefined,
  path: string,
): ReadEntry {
  switch (field.kind) {
    case "object":
      return readMap(
        field,
        isMap(entry) ? entry as Record<string, Entry> : {},
        path,
      );
    case "list":
      return readList(field, Array.isArray(entry) ? entry : [], path);
    default:
      return readText(field, typeof entry === "string" ? entry : "", path);
  }
}

function readMap(
  { fields, isRequired }: Field & { kind: "object" },
  entries: Record<string, Entry>,
  path: string,
): ReadEntry {
  const read = fields.map((inner) => ({
    name: inner.name,
    ...readEntry(inner, entries[inner.name], joinPath(path, inner.name)),
  }));
  const given = read.filter(({ value }) => value !== undefined);
  return {
    value: given.length === 0 && !isRequired
      ? undefined
      : Object.fromEntries(given.map(({ name, value }) => [name, value])),
    problems: read.flatMap(({ problems }) => problems),
  };
}

function readList(
  { item, isRequired, fallback }: Field & { kind: "list" },
  entries: Entry[],
  path: string,
): ReadEntry {
  // The server would put the default back in for a list that is left out.
  if (entries.length === 0 && !isRequired && fallback === undefined) {
    return { value: undefined, problems: [] };
  }
  const read = entries.map((entry, index) => {
    const one = readEntry(item, entry, joinPath(path, index));
    if (one.value !== undefined || one.problems.length > 0) return one;
    if (item.kind === "text") return { value: "", problems: [] };
    return {
      value: null,
      problems: [{
        path: joinPath(path, index),
        message: "is empty: fill it in or remove it",
      }],
    };
  });
  return {
    value: read.map(({ value }) => value),
    problems: read.flatMap(({ problems }) => problems),
  };
}

function readText(field: Field, text: string, path: string): ReadEntry {
  if (text.trim() === "") return { value: undefined, problems: [] };
  const fine = (value: unknown) => ({ value, problems: [] });
  const refuse = (message: string) => ({
    value: undefined,
    problems: [{ path, message }],
  });
  switch (field.kind) {
    case "number": {
      const number = Number(text);
      return Number.isFinite(number)
        ? fine(number)
        : refuse(`must be a number, got ${JSON.stringify(text)}`);
    }
    case "boolean":
      return fine(text === "true");
    case "choice":
    case "json":
      try {
        return fine(JSON.parse(text));
      } catch (error) {
        return refuse(`is not JSON: ${(error as Error).message}`);
      }
    default:
      return fine(
        field.kind === "text" && field.type === "datetime-local" ? readLocalTime(text) : text,
      );
  }
}

/** A time of the reader's zone, as a date field has it, in UTC. */
export function readLocalTime(text: string): string {
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? text : time.toISOString().replace(".000Z", "Z");
}

export function writeLocalTime(iso: string): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return "";
  const local = new Date(time.getTime() - time.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19).replace(/:00$/, "");
}
