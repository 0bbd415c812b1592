// Storage under /storage/v1, as supabase-js calls it. Rows of storage.buckets and storage.objects are
// read and written as the caller, so row security decides; file_store.ts keeps the bytes.
import type { FileStore } from "./file_store.ts";
import { type Caller, DatabaseAwayError, type RolePool } from "./role_pool.ts";
import { quoteLiteral } from "./sql_text.ts";
import { BucketTable, parseBody } from "./storage_buckets.ts";
import {
  invalidRequest,
  objectNotFound,
  reportStorageError,
  StorageError,
} from "./storage_error.ts";
import { listFolder } from "./storage_list.ts";
import { checkUpload, readUpload } from "./storage_upload.ts";

const SERVICE: Caller = { role: "service_role", claims: { role: "service_role" } };
const OBJECT_JSON = `json_build_object('id', id, 'name', name, 'bucket_id', bucket_id,
  'owner', owner, 'owner_id', owner_id, 'version', version, 'created_at', created_at,
  'updated_at', updated_at, 'last_accessed_at', last_accessed_at, 'metadata', metadata,
  'user_metadata', user_metadata)::text as body`;

interface StoredObject {
  id: string;
  name: string;
  version: string;
  created_at: string;
  updated_at: string;
  metadata: Record<string, unknown>;
}

export class StorageApi {
  /** A test's switch: answers as if Storage were down. */
  isAway = false;

  readonly #buckets: BucketTable;

  constructor(readonly pool: RolePool, readonly files: FileStore) {
    this.#buckets = new BucketTable(pool);
  }

  /** Answers a request; `path` is what follows /storage/v1/. */
  async handle(request: Request, caller: Caller, path: string): Promise<Response> {
    try {
      if (this.isAway) throw new DatabaseAwayError("switched off");
      const parts = path.split("/").map(decodeURIComponent);
      if (parts[0] === "bucket") return await this.#handleBucket(request, caller, parts.slice(1));
      if (parts[0] === "object") return await this.#handleObject(request, caller, parts.slice(1));
      throw refuseRoute(request);
    } catch (error) {
      return reportStorageError(error);
    }
  }

  async #handleBucket(request: Request, caller: Caller, parts: string[]): Promise<Response> {
    const [id, action] = parts;
    switch (`${request.method} ${id === undefined ? "" : "id"} ${action ?? ""}`.trim()) {
      case "GET":
        return Response.json(await this.#buckets.list(caller));
      case "POST":
        return Response.json(await this.#buckets.create(caller, await readJson(request)));
      case "GET id":
        return Response.json(await this.#buckets.get(caller, id));
      case "PUT id":
        await this.#buckets.update(caller, id, await readJson(request));
        return Response.json({ message: "Successfully updated" });
      case "POST id empty":
        await this.#buckets.get(caller, id);
        await this.#deleteObjects(caller, `bucket_id = ${quoteLiteral(id)}`);
        return Response.json({ message: "Successfully emptied" });
      case "DELETE id":
        await this.#buckets.delete(caller, id);
        return Response.json({ message: "Successfully deleted" });
    }
    throw refuseRoute(request);
  }

  async #handleObject(request: Request, caller: Caller, parts: string[]): Promise<Response> {
    const { method } = request;
    if (parts[0] === "list" && method === "POST") {
      await this.#buckets.get(SERVICE, parts[1]);
      const rows = await this.pool.run(
        caller,
        `select ${OBJECT_JSON} from storage.objects
         where bucket_id = ${quoteLiteral(parts[1])} order by name collate "C"`,
      );
      const objects = rows.map((row) => parseBody<StoredObject>(row));
      return Response.json(listFolder(objects, await readJson(request)));
    }
    if (method === "DELETE" && parts.length === 1) {
      const { prefixes } = await readJson(request);
      return await this.#removeMany(caller, parts[0], prefixes);
    }
    if (method === "POST" || method === "PUT") {
      return await this.#upload(request, caller, parts[0], parts.slice(1).join("/"));
    }
    if (method === "DELETE") {
      const name = parts.slice(1).join("/");
      const removed = await this.#deleteObjects(caller, matchObject(parts[0], name));
      if (removed.length === 0) throw objectNotFound();
      return Response.json({ message: "Successfully deleted" });
    }
    if (method === "GET" || method === "HEAD") return await this.#read(method, caller, parts);
    throw refuseRoute(request);
  }

  async #read(method: string, caller: Caller, parts: string[]): Promise<Response> {
    const prefixes = ["info", "authenticated", "public"];
    const prefix = prefixes.includes(parts[0]) ? parts[0] : undefined;
    const [bucket, ...rest] = prefix === undefined ? parts : parts.slice(1);
    const isPublic = prefix === "public";
    if (isPublic && !(await this.#buckets.get(SERVICE, bucket)).public) throw objectNotFound();
    const object = await this.#getObject(isPublic ? SERVICE : caller, bucket, rest.join("/"));
    const { metadata } = object;
    if (prefix === "info") {
      const { size, eTag, mimetype, lastModified, cacheControl } = metadata;
      const info = { size, etag: eTag, content_type: mimetype, cache_control: cacheControl };
      return Response.json({ ...object, ...info, last_modified: lastModified });
    }
    const headers = {
      "content-type": String(metadata.mimetype),
      "content-length": String(metadata.size),
      "cache-control": String(metadata.cacheControl),
      etag: String(metadata.eTag),
      "last-modified": new Date(String(metadata.lastModified)).toUTCString(),
    };
    if (method === "HEAD") return new Response(null, { headers });
    return new Response(await this.files.read(object.version), { headers });
  }

  async #upload(
    request: Request,
    caller: Caller,
    bucketId: string,
    name: string,
  ): Promise<Response> {
    if (name === "") throw invalidRequest("Invalid key");
    const bucket = await this.#buckets.get(SERVICE, bucketId);
    const file = await readUpload(request);
    checkUpload(bucket, file);
    const version = crypto.randomUUID();
    const isUpdate = request.method === "PUT";
    const isUpsert = isUpdate || request.headers.get("x-upsert") === "true";
    const [before] = isUpsert
      ? await this.pool.run(
        SERVICE,
        `select version from storage.objects where ${matchObject(bucketId, name)}`,
      )
      : [];
    if (isUpdate && before === undefined) throw objectNotFound();
    const stored = await this.files.write(version, file);
    try {
      const subject = caller.claims.sub;
      const owner = typeof subject === "string" ? quoteLiteral(subject) : "null";
      const metadata = quoteLiteral(JSON.stringify(stored));
      const [row] = await this.pool.run(
        caller,
        `insert into storage.objects (bucket_id, name, owner_id, version, metadata)
         values (${quoteLiteral(bucketId)}, ${
          quoteLiteral(name)
        }, ${owner}, '${version}', ${metadata})
         ${
          isUpsert
            ? `on conflict (bucket_id, name) do update set version = excluded.version,
                 metadata = excluded.metadata, updated_at = now(), last_accessed_at = now()`
            : ""
        } returning id::text`,
      );
      if (before?.version) await this.files.remove(before.version);
      return Response.json({ Key: `${bucketId}/${name}`, Id: row.id });
    } catch (error) {
      await this.files.remove(version);
      throw error;
    }
  }

  async #removeMany(caller: Caller, bucket: string, prefixes: unknown): Promise<Response> {
    if (!Array.isArray(prefixes) || prefixes.length === 0) {
      throw invalidRequest("prefixes must be a list of names");
    }
    const names = prefixes.map((name) => quoteLiteral(String(name))).join(", ");
    const removed = await this.#deleteObjects(
      caller,
      `bucket_id = ${quoteLiteral(bucket)} and name in (${names})`,
    );
    return Response.json(removed);
  }

  async #deleteObjects(caller: Caller, condition: string): Promise<StoredObject[]> {
    const rows = await this.pool.run(
      caller,
      `delete from storage.objects where ${condition} returning ${OBJECT_JSON}`,
    );
    const removed = rows.map((row) => parseBody<StoredObject>(row));
    for (const object of removed) await this.files.remove(object.version);
    return removed;
  }

  async #getObject(caller: Caller, bucket: string, name: string): Promise<StoredObject> {
    const [row] = await this.pool.run(
      caller,
      `select ${OBJECT_JSON} from storage.objects where ${matchObject(bucket, name)}`,
    );
    if (row === undefined) throw objectNotFound();
    return parseBody<StoredObject>(row);
  }
}

function matchObject(bucket: string, name: string): string {
  return `bucket_id = ${quoteLiteral(bucket)} and name = ${quoteLiteral(name)}`;
}

async function readJson(request: Request): Promise<Record<string, unknown>> {
  const text = await request.text();
  try {
    return (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>;
  } catch {
    throw invalidRequest("The body is not JSON");
  }
}

function refuseRoute(request: Request): StorageError {
  const message = `The local Storage does not do ${request.method} ${
    new URL(request.url).pathname
  }`;
  return new StorageError(404, "not_found", "NoSuchRoute", message);
}
