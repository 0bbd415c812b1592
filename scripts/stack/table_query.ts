// Builds the statements behind GET and POST on a table of the Data API, from PostgREST's URL syntax.
import { ApiError } from "./api_error.ts";
import { quoteLiteral, quoteName } from "./sql_text.ts";

const OPERATORS = new Map([
  ["eq", "="],
  ["neq", "<>"],
  ["gt", ">"],
  ["gte", ">="],
  ["lt", "<"],
  ["lte", "<="],
  ["like", "like"],
  ["ilike", "ilike"],
]);
const RESERVED = ["select", "order", "limit", "offset", "columns", "apikey"];

/** One row with `body` (a JSON array), `rows` (its length) and, where asked, `total`. */
export function buildSelect(
  target: string,
  search: URLSearchParams,
  maxRows: number,
  isCounted: boolean,
): string {
  const where = buildWhere(search);
  const limit = Math.min(readCount(search, "limit") ?? maxRows, maxRows);
  const page = `select ${buildColumns(search)} from ${target}${where}${buildOrder(search)}` +
    ` limit ${limit} offset ${readCount(search, "offset") ?? 0}`;
  const total = isCounted ? `(select count(*) from ${target}${where})` : "null";
  return `select coalesce(json_agg(q), '[]')::text as body, count(q)::text as rows, ` +
    `${total}::text as total from (${page}) as q`;
}

/** Inserts the object or objects of a JSON body; one row with `body` where they are wanted back. */
export function buildInsert(
  target: string,
  body: string,
  search: URLSearchParams,
  prefer: string,
  isWanted: boolean,
): string {
  if (search.has("on_conflict") || prefer.includes("resolution=")) {
    throw new ApiError(501, "PGRST501", "The local Data API does not do upserts");
  }
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new ApiError(400, "PGRST102", "Empty or invalid json");
  }
  const [first] = Array.isArray(value) ? value : [value];
  const columns = Object.keys(first ?? {}).map(quoteName).join(", ");
  const list = Array.isArray(value) ? body : `[${body}]`;
  const insert = columns === ""
    ? `insert into ${target} default values`
    : `insert into ${target} (${columns}) select ${columns} ` +
      `from json_populate_recordset(null::${target}, ${quoteLiteral(list)}::json)`;
  if (!isWanted) return insert;
  return `with q as (${insert} returning ${buildColumns(search)}) ` +
    `select coalesce(json_agg(q), '[]')::text as body from q`;
}

function buildColumns(search: URLSearchParams): string {
  const columns = (search.get("select") ?? "*").split(",").map((column) => column.trim());
  return columns.map((column) => column === "*" ? "*" : quoteColumn(column)).join(", ");
}

function buildWhere(search: URLSearchParams): string {
  const conditions: string[] = [];
  for (const [column, filter] of search) {
    if (RESERVED.includes(column)) continue;
    conditions.push(buildCondition(quoteColumn(column), filter));
  }
  return conditions.length === 0 ? "" : ` where ${conditions.join(" and ")}`;
}

function buildCondition(column: string, filter: string): string {
  const dot = filter.indexOf(".");
  const name = filter.slice(0, dot);
  const value = filter.slice(dot + 1);
  if (name === "is" && /^(null|true|false)$/.test(value)) return `${column} is ${value}`;
  if (name === "in" && /^\(.*\)$/s.test(value)) {
    const items = value.slice(1, -1).match(/"(?:[^"\\]|\\.)*"|[^,]+/g) ?? [];
    const quoted = items.map((item) =>
      quoteLiteral(item.startsWith('"') ? JSON.parse(item) as string : item)
    );
    return quoted.length === 0 ? "false" : `${column} in (${quoted.join(", ")})`;
  }
  const operator = OPERATORS.get(name);
  if (operator === undefined) {
    throw new ApiError(400, "PGRST100", `The local Data API cannot read the filter "${filter}"`);
  }
  const text = name.endsWith("like") ? value.replaceAll("*", "%") : value;
  return `${column} ${operator} ${quoteLiteral(text)}`;
}

function buildOrder(search: URLSearchParams): string {
  const order = search.get("order");
  if (!order) return "";
  const terms = order.split(",").map((term) => {
    const [column, ...modifiers] = term.split(".");
    const direction = modifiers.includes("desc") ? "desc" : "asc";
    const nulls = modifiers.find((modifier) => modifier.startsWith("nulls"));
    return `${quoteColumn(column)} ${direction}${
      nulls ? ` nulls ${nulls === "nullsfirst" ? "first" : "last"}` : ""
    }`;
  });
  return ` order by ${terms.join(", ")}`;
}

function readCount(search: URLSearchParams, name: string): number | undefined {
  const text = search.get(name);
  if (text === null) return undefined;
  if (!/^\d+$/.test(text)) throw new ApiError(400, "PGRST100", `"${name}" is no number: ${text}`);
  return Number(text);
}

function quoteColumn(column: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(column)) return quoteName(column);
  throw new ApiError(400, "PGRST100", `The local Data API cannot read the column "${column}"`);
}
