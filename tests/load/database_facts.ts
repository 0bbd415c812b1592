// What the figures of a load say of the database: its largest tables, and the server's settings.
import type postgres from "postgres";

export interface TableSize {
  name: string;
  /** With its indexes. */
  megabytes: number;
}

const SHOWN_TABLES = 5;

export async function readLargestTables(sql: postgres.Sql): Promise<TableSize[]> {
  return [
    ...await sql<TableSize[]>`
      select c.relname as name, pg_total_relation_size(c.oid) / 1048576.0::double precision as megabytes
      from pg_class c
      where c.relkind = 'r' and c.relnamespace in ('public'::regnamespace, 'orchestrator'::regnamespace)
      order by pg_total_relation_size(c.oid) desc
      limit ${SHOWN_TABLES}`,
  ];
}

export async function readServerFacts(sql: postgres.Sql): Promise<Record<string, string>> {
  const names = ["server_version", "fsync", "synchronous_commit", "shared_buffers"];
  const rows = await sql<{ name: string; value: string }[]>`
    select name, current_setting(name) as value from pg_settings where name in ${sql(names)}`;
  return Object.fromEntries(rows.map(({ name, value }) => [name, value.replace(/ \(.*\)$/, "")]));
}
