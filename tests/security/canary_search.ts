// Looks for secrets in whatever a system leaves behind: in texts, in every column of every table, in files. A
// secret counts as found in any of the spellings in which programs write values down, and in parts too: a key
// that was cut is a key that came out.
import { Buffer } from "node:buffer";
import type postgres from "postgres";

export interface Canary {
  name: string;
  value: string;
  /** Places where it may be, by their beginnings, each with the reason. */
  allowed?: Record<string, string>;
}

/** Something that was left behind, and where. */
export interface Trace {
  place: string;
  text: string;
}

/** So many characters in a row of a secret are a part of it. */
const PART_CHARS = 16;

/** The spellings of a value, by their names. */
function spell(value: string): Record<string, string[]> {
  const bytes = Buffer.from(value);
  // A value inside of a longer text begins at any of three places of a group of base64.
  const shifted = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString("base64").replace(/=+$/, "");
    return text.slice(shift === 0 ? 0 : shift + 1, -1);
  });
  const percent = encodeURIComponent(value);
  const json = JSON.stringify(value).slice(1, -1);
  return {
    plain: [value],
    json: [json, JSON.stringify(json).slice(1, -1)],
    percent: [percent, percent.replace(/%../g, (code) => code.toLowerCase())],
    base64: shifted,
    base64url: shifted.map((it) => it.replaceAll("+", "-").replaceAll("/", "_")),
    hex: [bytes.toString("hex"), bytes.toString("hex").toUpperCase()],
  };
}

/** The beginning and the end of a text, if it is long enough to be told from chance. */
function cut(text: string): string[] {
  return text.length <= PART_CHARS ? [text] : [text.slice(0, PART_CHARS), text.slice(-PART_CHARS)];
}

interface Needle {
  canary: Canary;
  spelling: string;
  text: string;
}

export class CanarySearch {
  readonly #needles: Needle[] = [];

  add(canary: Canary): void {
    if (canary.value.length < 10) throw new Error(`${canary.name} is too short to be found`);
    for (const [spelling, values] of Object.entries(spell(canary.value))) {
      for (const text of new Set(values.flatMap(cut))) {
        this.#needles.push({ canary, spelling, text });
      }
    }
  }

  /** What was found where it may not be, each secret once a place. */
  find(traces: readonly Trace[]): string[] {
    const found = new Map<string, Set<string>>();
    for (const { place, text } of traces) {
      for (const { canary, spelling, text: needle } of this.#needles) {
        if (Object.keys(canary.allowed ?? {}).some((start) => place.startsWith(start))) continue;
        if (!text.includes(needle)) continue;
        const where = `${canary.name} in ${place}`;
        found.set(where, (found.get(where) ?? new Set()).add(spelling));
      }
    }
    return [...found].map(([where, spellings]) => `${where} (${[...spellings].join(", ")})`).sort();
  }
}

/** Every column of every row of every table, but for the catalogs and what is left out. */
export async function readTables(sql: postgres.Sql, leftOut: readonly string[]): Promise<Trace[]> {
  const tables = await sql<{ schema: string; name: string }[]>`
    select n.nspname as schema, c.relname as name
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'm')
      and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
    order by 1, 2`;
  const traces: Trace[] = [];
  for (const { schema, name } of tables) {
    const rows = await sql<{ row: Record<string, unknown> }[]>`
      select to_jsonb(t) as row from ${sql(schema)}.${sql(name)} t`;
    for (const { row } of rows) {
      for (const [column, value] of Object.entries(row)) {
        const place = `table ${schema}.${name}.${column}`;
        if (leftOut.includes(place) || value === null) continue;
        traces.push({ place, text: typeof value === "string" ? value : JSON.stringify(value) });
      }
    }
  }
  return traces;
}

/** Every file below a folder. */
export function readFiles(what: string, folder: string): Trace[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const place = `${what}/${name}`;
    if (isDirectory) return readFiles(place, `${folder}/${name}`);
    return [{ place, text: Deno.readTextFileSync(`${folder}/${name}`) }];
  });
}
