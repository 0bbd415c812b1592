// A database of its own for each simulation: Postgres in this process (PGlite), with the project's
// real migrations. What takes seconds is done once and kept in a file, as long as no SQL changes.
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { PGlite } from "@electric-sql/pglite";

const ROOT = new URL("../../", import.meta.url);

/** In this order: what a Supabase project brings, the project's own migrations, the simulation's. */
const SQL_PLACES = ["scripts/stack/sql/", "supabase/migrations/", "scripts/simulate/"];

/** Prepared data folders, one per content of the SQL; `.stack` is the project's ignored folder. */
const CACHE_FOLDER = fileURLToPath(new URL(".stack/simulate/", ROOT));

/** Read once a process, so that a test file with many simulations prepares nothing twice. */
let prepared: Promise<Blob> | null = null;

/** Opens a migrated database; its session acts as service_role, as the functions do. */
export async function openDatabase(): Promise<PGlite> {
  prepared ??= prepareData();
  const db = await PGlite.create({ loadDataDir: await prepared });
  // Jitter from a fixed seed: the same simulation tells the same story again.
  await db.exec("set timezone = 'UTC'; select setseed(0); set role service_role;");
  return db;
}

async function prepareData(): Promise<Blob> {
  const files = await readSqlFiles();
  const hash = createHash("sha256");
  hash.update(import.meta.resolve("@electric-sql/pglite"));
  for (const { name, text } of files) hash.update(`${name}\n${text}\n`);
  const path = `${CACHE_FOLDER}${hash.digest("hex").slice(0, 16)}.tar.gz`;
  try {
    return new Blob([await Deno.readFile(path)], { type: "application/x-gzip" });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const data = await migrate(files);
  await keep(path, data);
  return data;
}

async function readSqlFiles(): Promise<{ name: string; text: string }[]> {
  const files: { name: string; text: string }[] = [];
  for (const place of SQL_PLACES) {
    const folder = new URL(place, ROOT);
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((it) =>
      it.endsWith(".sql")
    );
    for (const name of names.sort()) {
      files.push({ name: `${place}${name}`, text: await Deno.readTextFile(new URL(name, folder)) });
    }
  }
  return files;
}

async function migrate(files: { name: string; text: string }[]): Promise<Blob> {
  const db = await PGlite.create();
  try {
    for (const { name, text } of files) {
      try {
        await db.exec(text);
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new Error(`cannot prepare the simulation's database: ${name}: ${reason}`, { cause });
      }
    }
    return await db.dumpDataDir("gzip");
  } finally {
    await db.close();
  }
}

/** Replaces what older SQL left behind. */
async function keep(path: string, data: Blob): Promise<void> {
  try {
    await Deno.mkdir(CACHE_FOLDER, { recursive: true });
    const older = [...Deno.readDirSync(CACHE_FOLDER)].map(({ name }) => `${CACHE_FOLDER}${name}`);
    // Written beside and moved, so that a second simulation never reads half a file.
    const draft = `${path}.${Deno.pid}`;
    await Deno.writeFile(draft, new Uint8Array(await data.arrayBuffer()));
    await Deno.rename(draft, path);
    for (const name of older.filter((it) => it.endsWith(".tar.gz"))) {
      await Deno.remove(name).catch(() => {});
    }
  } catch {
    // A cache that cannot be written is done without.
  }
}
