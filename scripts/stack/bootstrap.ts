// Makes a plain database look like a fresh Supabase project (roles, schemas, extensions or their
// stand-ins), and applies the project's migrations with the real CLI.
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import postgres from "postgres";
import { runSupabaseCli } from "./tools.ts";

/** What the rest of the stack must know of a prepared database. */
export interface PreparedDatabase {
  /** URL of the role that owns the project's objects (`postgres` where it can log in). */
  ownerUrl: string;
  /** True where the real extension does the work and the stack's loop must not. */
  hasRealCron: boolean;
  hasRealNet: boolean;
}

const SQL_FOLDER = fileURLToPath(new URL("./sql/", import.meta.url));
const MARK = "local stack, prepared by ";
const PREPARED_FOR_ALL = ["1_roles", "2_database", "3_auth", "4_storage"];

/** Prepares the database that `url` (a superuser's) names; safe and fast to repeat. */
export async function prepareDatabase(url: string): Promise<PreparedDatabase> {
  const files = await readSqlFiles();
  const hash = createHash("sha256").update([...files.values()].join("\n")).digest("hex");
  const mark = `${MARK}${hash.slice(0, 12)}`;
  const sql = connect(url);
  try {
    const [state] = await sql<{ comment: string | null; has_auth: boolean; rolsuper: boolean }[]>`
      select obj_description(to_regnamespace('auth')::oid, 'pg_namespace') as comment,
             to_regnamespace('auth') is not null as has_auth,
             rolsuper
      from pg_roles where rolname = current_user`;
    if (!state.rolsuper) {
      throw new Error(
        `cannot use ${describe(url)}: its user is no superuser, and the stack needs one`,
      );
    }
    if (state.comment !== mark) {
      if (state.has_auth && !state.comment?.startsWith(MARK)) {
        throw new Error(
          `cannot prepare ${describe(url)}: it has a schema "auth" that the local stack did not ` +
            "make; is it a real Supabase project? Give the stack a database of its own",
        );
      }
      await repeatOnRace(() => sql.begin((tx) => prepare(tx, url, files, mark)));
    }
    const extensions = (await sql<{ extname: string }[]>`select extname from pg_extension`)
      .map((row) => row.extname);
    return {
      ownerUrl: await findOwnerUrl(url),
      hasRealCron: extensions.includes("pg_cron"),
      hasRealNet: extensions.includes("pg_net"),
    };
  } finally {
    await sql.end();
  }
}

/** Prepares the database and applies the migrations that it does not have yet. */
export async function migrate(databaseUrl: string, root: string): Promise<void> {
  const { ownerUrl } = await prepareDatabase(databaseUrl);
  await applyMigrations(ownerUrl, root);
}

/** Applies pending migrations of an already prepared database as the project's owner. */
export async function applyMigrations(
  ownerUrl: string,
  root: string,
  onProgress?: (line: string) => void,
): Promise<void> {
  const pending = await listPendingMigrations(ownerUrl, root);
  // The CLI takes a second to find out that there is nothing to do.
  if (pending === 0) return;
  onProgress?.(`applying ${pending} migration${pending === 1 ? "" : "s"}`);
  const url = new URL(ownerUrl);
  url.searchParams.set("sslmode", "disable");
  const result = await runSupabaseCli(
    ["migration", "up", `--remote=${url}`, "--yes", "--workdir", root],
    { onProgress },
  );
  if (result.code !== 0) {
    const reason = `${result.stdout}\n${result.stderr}`.replaceAll(url.password, "***").trim();
    throw new Error(`cannot apply the migrations: supabase migration up failed\n${reason}`);
  }
}

async function listPendingMigrations(url: string, root: string): Promise<number> {
  const versions: string[] = [];
  try {
    for await (const entry of Deno.readDir(`${root}/supabase/migrations`)) {
      const match = entry.name.match(/^(\d+)_.*\.sql$/);
      if (match) versions.push(match[1]);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  if (versions.length === 0) return 0;
  const sql = connect(url);
  try {
    const [table] = await sql`
      select to_regclass('supabase_migrations.schema_migrations') is not null as there`;
    if (!table.there) return versions.length;
    const rows = await sql<{ version: string }[]>`
      select version from supabase_migrations.schema_migrations`;
    const applied = new Set(rows.map((row) => row.version));
    // Also the other way round: the CLI explains what to do about versions that have no file.
    const missing = versions.filter((version) => !applied.has(version)).length;
    return missing > 0 ? missing : applied.size - versions.length;
  } finally {
    await sql.end();
  }
}

async function prepare(
  tx: postgres.TransactionSql,
  url: string,
  files: Map<string, string>,
  mark: string,
): Promise<void> {
  const run = (name: string) => tx.unsafe(files.get(name) ?? "");
  const [before] =
    await tx`select exists(select from pg_roles where rolname = 'postgres') as there`;
  for (const name of PREPARED_FOR_ALL) await run(name);
  if (!before.there) {
    // The owner's password is the superuser's, so that one URL opens both.
    const password = decodeURIComponent(new URL(url).password).replaceAll("'", "''");
    await tx.unsafe(`alter role postgres password '${password}'`);
  }
  if (!(await createExtension(tx, "supabase_vault", "true"))) await run("5_vault");
  const loaded = (name: string, setting: string) =>
    `current_setting('shared_preload_libraries') like '%${name}%'
       and current_setting('${setting}', true) = current_database()`;
  if (await createExtension(tx, "pg_net", loaded("pg_net", "pg_net.database_name"))) {
    await tx.unsafe("grant usage on schema net to postgres, service_role");
  } else await run("6_net");
  if (await createExtension(tx, "pg_cron", loaded("pg_cron", "cron.database_name"))) {
    await tx.unsafe(
      "grant usage on schema cron to postgres; grant all on all tables in schema cron to postgres",
    );
  } else await run("7_cron");
  await tx.unsafe(`comment on schema auth is '${mark}'`);
}

// An extension may be on disk and still refuse: its library not loaded, or bound to another database.
async function createExtension(
  tx: postgres.TransactionSql,
  name: string,
  condition: string,
): Promise<boolean> {
  const [row] = await tx.unsafe(
    `select exists(select from pg_available_extensions where name = '${name}') and ${condition} as can`,
  );
  if (row.can !== true) return false;
  try {
    await tx.savepoint((inner) => inner.unsafe(`create extension if not exists ${name}`));
    return true;
  } catch {
    return false;
  }
}

// Roles belong to the whole server: two databases that are prepared at once may collide on them.
async function repeatOnRace<T>(action: () => Promise<T>): Promise<T> {
  const races = ["XX000", "23505", "42710", "40P01", "40001"];
  for (let attempt = 1;; attempt++) {
    try {
      return await action();
    } catch (error) {
      const code = error instanceof postgres.PostgresError ? error.code : "";
      if (attempt === 5 || !races.includes(code)) throw error;
    }
  }
}

async function findOwnerUrl(url: string): Promise<string> {
  const owner = new URL(url);
  if (owner.username === "postgres") return url;
  owner.username = "postgres";
  const sql = connect(owner.toString());
  try {
    await sql`select 1`;
    return owner.toString();
  } catch {
    // A server of one's own may have a `postgres` with another password; its superuser will do.
    return url;
  } finally {
    await sql.end();
  }
}

function connect(url: string): postgres.Sql {
  return postgres(url, { max: 1, fetch_types: false, connect_timeout: 10, onnotice: () => {} });
}

function describe(url: string): string {
  const { host, pathname } = new URL(url);
  return `the database ${decodeURIComponent(pathname.slice(1))} on ${host}`;
}

async function readSqlFiles(): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const names = [...Deno.readDirSync(SQL_FOLDER)].map((entry) => entry.name).sort();
  for (const name of names) {
    files.set(name.replace(/\.sql$/, ""), await Deno.readTextFile(`${SQL_FOLDER}${name}`));
  }
  return files;
}
