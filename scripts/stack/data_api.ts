// The Data API under /rest/v1: calls functions by name and reads and inserts rows, as PostgREST
// does for the requests that supabase-js makes; what it does not do it refuses by name.
import { ApiError, toApiError } from "./api_error.ts";
import { type Caller, DatabaseAwayError, type RolePool, type TextRow } from "./role_pool.ts";
import type { CallableFunction, SchemaCache } from "./schema_cache.ts";
import { quoteLiteral, quoteName } from "./sql_text.ts";
import { buildInsert, buildSelect } from "./table_query.ts";

const OBJECT_TYPE = "application/vnd.pgrst.object+json";
const JSON_TYPE = { "content-type": "application/json; charset=utf-8" };

export class DataApi {
  /** A test's switch: answers as if the database were gone, for API callers only. */
  isAway = false;

  constructor(readonly pool: RolePool, readonly cache: SchemaCache, readonly maxRows: number) {}

  /** Answers a request; `path` is what follows /rest/v1/. */
  async handle(request: Request, caller: Caller, path: string): Promise<Response> {
    try {
      if (this.isAway) throw new DatabaseAwayError("switched off");
      const schema = this.#chooseSchema(request);
      if (path === "") return Response.json({ swagger: "2.0" });
      if (path.startsWith("rpc/")) {
        return await this.#call(request, caller, schema, decodeURIComponent(path.slice(4)));
      }
      return await this.#query(request, caller, schema, decodeURIComponent(path));
    } catch (error) {
      return toApiError(error, caller.role).toResponse();
    }
  }

  #chooseSchema(request: Request): string {
    const isRead = request.method === "GET" || request.method === "HEAD";
    const wanted = request.headers.get(isRead ? "accept-profile" : "content-profile");
    const schema = wanted ?? this.cache.schemas[0];
    if (!this.cache.schemas.includes(schema)) {
      throw new ApiError(406, "PGRST106", `Invalid schema: ${schema}`, {
        hint: `Only the following schemas are exposed: ${this.cache.schemas.join(", ")}`,
      });
    }
    return schema;
  }

  async #call(
    request: Request,
    caller: Caller,
    schema: string,
    name: string,
  ): Promise<Response> {
    if (request.method !== "POST") throw refuse(`${request.method} on a function`);
    const body = await request.text();
    const names = readArgumentNames(body);
    let found = selectOverloads(await this.cache.findFunctions(schema, name), names);
    if (found.length === 0) {
      this.cache.reset();
      found = selectOverloads(await this.cache.findFunctions(schema, name), names);
    }
    if (found.length === 0) throw reportUnknownFunction(schema, name, names);
    if (found.length > 1) {
      throw new ApiError(
        300,
        "PGRST203",
        `Could not choose the best candidate function of ${schema}.${name}`,
      );
    }
    const rows = await this.#runCall(caller, found[0], names, body);
    if (found[0].returnsVoid) return new Response(null, { status: 204 });
    return shapeAnswer(request, rows[0]?.body ?? "null", found[0].returnsSet);
  }

  async #runCall(
    caller: Caller,
    callable: CallableFunction,
    names: string[],
    body: string,
  ): Promise<TextRow[]> {
    try {
      return await this.pool.run(caller, buildCall(callable, names, body), callable.isReadOnly);
    } catch (error) {
      // A function that was replaced since the cache was read has another signature by now.
      if (toApiError(error, caller.role).code === "42883") this.cache.reset();
      throw error;
    }
  }

  async #query(
    request: Request,
    caller: Caller,
    schema: string,
    table: string,
  ): Promise<Response> {
    const target = `${quoteName(schema)}.${quoteName(table)}`;
    const search = new URL(request.url).searchParams;
    const prefer = request.headers.get("prefer") ?? "";
    if (request.method === "POST") {
      const isWanted = prefer.includes("return=representation");
      const statement = buildInsert(target, await request.text(), search, prefer, isWanted);
      const [row] = await this.pool.run(caller, statement);
      if (!isWanted) return new Response(null, { status: 201 });
      return shapeAnswer(request, row.body ?? "[]", true, 201);
    }
    if (request.method !== "GET" && request.method !== "HEAD") {
      throw refuse(`${request.method} on a table`);
    }
    const isCounted = prefer.includes("count=");
    const statement = buildSelect(target, search, this.maxRows, isCounted);
    const [row] = await this.pool.run(caller, statement, true);
    const response = shapeAnswer(request, row.body ?? "[]", true);
    const last = Number(row.rows) - 1;
    const range = last < 0 ? "*" : `0-${last}`;
    response.headers.set("content-range", `${range}/${isCounted ? row.total : "*"}`);
    if (request.method === "GET") return response;
    return new Response(null, { status: response.status, headers: response.headers });
  }
}

function readArgumentNames(body: string): string[] {
  if (body.trim() === "") return [];
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new ApiError(400, "PGRST102", "Empty or invalid json");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ApiError(400, "PGRST102", "Arguments must be a JSON object");
  }
  return Object.keys(value);
}

function selectOverloads(candidates: CallableFunction[], names: string[]): CallableFunction[] {
  return candidates.filter(({ arguments: declared }) =>
    names.every((name) => declared.some((argument) => argument.name === name)) &&
    declared.every((argument) => !argument.isRequired || names.includes(argument.name))
  );
}

// The body goes to Postgres as it came, so that no number or string passes through JavaScript.
function buildCall(callable: CallableFunction, names: string[], body: string): string {
  const given = callable.arguments.filter((argument) => names.includes(argument.name));
  const passed = given.map(({ name, isVariadic }) =>
    `${isVariadic ? "variadic " : ""}${quoteName(name)} := _.${quoteName(name)}`
  );
  const columns = given.map(({ name, type }) => `${quoteName(name)} ${type}`);
  const source = given.length === 0
    ? "(select) as _"
    : `json_to_record(${quoteLiteral(body)}::json) as _(${columns.join(", ")})`;
  const call = `${quoteName(callable.schema)}.${quoteName(callable.name)}(${passed.join(", ")})`;
  if (callable.returnsVoid) return `select ${call}::text as body from ${source}`;
  if (!callable.returnsRows && !callable.returnsSet) {
    return `select to_json(${call})::text as body from ${source}`;
  }
  const rows = `(select r.* from ${source}, lateral ${call} as r) as q`;
  if (!callable.returnsSet) return `select to_json(q)::text as body from ${rows}`;
  const item = callable.returnsRows ? "q" : "q.r";
  return `select coalesce(json_agg(${item}), '[]')::text as body from ${rows}`;
}

function shapeAnswer(request: Request, body: string, isArray: boolean, status = 200): Response {
  if (!isArray || !(request.headers.get("accept") ?? "").includes(OBJECT_TYPE)) {
    return new Response(body, { status, headers: JSON_TYPE });
  }
  const rows = JSON.parse(body) as unknown[];
  if (rows.length !== 1) {
    throw new ApiError(406, "PGRST116", "Cannot coerce the result to a single JSON object", {
      details: `The result contains ${rows.length} rows`,
    });
  }
  return new Response(JSON.stringify(rows[0]), {
    status,
    headers: { "content-type": OBJECT_TYPE },
  });
}

function reportUnknownFunction(schema: string, name: string, names: string[]): ApiError {
  const signature = `${schema}.${name}${names.length > 0 ? `(${names.join(", ")})` : ""}`;
  return new ApiError(
    404,
    "PGRST202",
    `Could not find the function ${signature} in the schema cache`,
    {
      details: `Searched for the function ${schema}.${name} ${
        names.length > 0 ? `with parameters ${names.join(", ")}` : "without parameters"
      }, but no matches were found in the schema cache.`,
    },
  );
}

function refuse(what: string): ApiError {
  return new ApiError(501, "PGRST501", `The local Data API does not do ${what}`);
}
