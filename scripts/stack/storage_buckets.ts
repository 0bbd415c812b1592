// Storage's buckets: their rows, read and written as the caller, and the requests about them.
import type { Caller, RolePool, TextRow } from "./role_pool.ts";
import { quoteLiteral } from "./sql_text.ts";
import { bucketNotFound, invalidRequest } from "./storage_error.ts";

export interface Bucket {
  id: string;
  public: boolean;
  file_size_limit: number | null;
  allowed_mime_types: string[] | null;
}

type Body = Record<string, unknown>;

const BUCKET_JSON = `json_build_object('id', id, 'name', name, 'owner', coalesce(owner::text, ''),
  'public', public, 'file_size_limit', file_size_limit, 'allowed_mime_types', allowed_mime_types,
  'created_at', created_at, 'updated_at', updated_at)::text as body`;

export class BucketTable {
  constructor(readonly pool: RolePool) {}

  async list(caller: Caller): Promise<Bucket[]> {
    const rows = await this.pool.run(
      caller,
      `select ${BUCKET_JSON} from storage.buckets order by id`,
    );
    return rows.map((row) => parseBody<Bucket>(row));
  }

  async get(caller: Caller, id: string): Promise<Bucket> {
    const [row] = await this.pool.run(
      caller,
      `select ${BUCKET_JSON} from storage.buckets where id = ${quoteLiteral(id)}`,
    );
    if (row === undefined) throw bucketNotFound();
    return parseBody<Bucket>(row);
  }

  async create(caller: Caller, body: Body): Promise<{ name: string }> {
    const name = String(body.name ?? body.id ?? "");
    if (name === "") throw invalidRequest("name is required");
    await this.pool.run(
      caller,
      `insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types)
       values (${quoteLiteral(String(body.id ?? name))}, ${quoteLiteral(name)},
         ${body.public === true}, ${formatSize(body)}, ${formatTypes(body)})`,
    );
    return { name };
  }

  async update(caller: Caller, id: string, body: Body): Promise<void> {
    await this.get(caller, id);
    const changes = [`public = ${body.public === true}`, "updated_at = now()"];
    if (body.file_size_limit !== undefined) changes.push(`file_size_limit = ${formatSize(body)}`);
    if (body.allowed_mime_types !== undefined) {
      changes.push(`allowed_mime_types = ${formatTypes(body)}`);
    }
    await this.pool.run(
      caller,
      `update storage.buckets set ${changes.join(", ")} where id = ${quoteLiteral(id)}`,
    );
  }

  async delete(caller: Caller, id: string): Promise<void> {
    await this.get(caller, id);
    await this.pool.run(caller, `delete from storage.buckets where id = ${quoteLiteral(id)}`);
  }
}

/** Reads the column `body`, in which the statements of Storage return a JSON object. */
export function parseBody<T>(row: TextRow): T {
  return JSON.parse(row.body ?? "null") as T;
}

function formatSize(body: Body): string {
  const value = body.file_size_limit;
  if (value === null || value === undefined) return "null";
  const match = String(value).trim().match(/^(\d+)\s*(b|kb|mb|gb|kib|mib|gib)?$/i);
  if (!match) throw invalidRequest(`invalid file_size_limit: ${value}`);
  const unit = (match[2] ?? "b").toLowerCase();
  const base = unit.includes("i") ? 1024 : 1000;
  return String(Number(match[1]) * base ** ["b", "k", "m", "g"].indexOf(unit[0]));
}

function formatTypes(body: Body): string {
  const types = body.allowed_mime_types;
  if (!Array.isArray(types)) return "null";
  return `array[${types.map((type) => quoteLiteral(String(type))).join(", ")}]::text[]`;
}
