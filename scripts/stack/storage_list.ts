// Storage's folder listing: names are flat, folders are what their slashes imply.

interface Listed {
  id: string;
  name: string;
  created_at: string;
  updated_at: string;
}

const SORTABLE = ["name", "created_at", "updated_at", "id"] as const;

/** Returns one page of the entries directly under a prefix; a folder has a name and no id. */
export function listFolder(objects: Listed[], options: Record<string, unknown>): unknown[] {
  const prefix = toFolder(String(options.prefix ?? ""));
  const wanted = String(options.search ?? "").toLowerCase();
  const entries = new Map<string, Record<string, unknown>>();
  for (const object of objects) {
    if (!object.name.startsWith(prefix)) continue;
    const rest = object.name.slice(prefix.length);
    const slash = rest.indexOf("/");
    const name = slash < 0 ? rest : rest.slice(0, slash);
    if (!name.toLowerCase().includes(wanted) || entries.has(name)) continue;
    const folder = { id: null, updated_at: null, created_at: null, last_accessed_at: null };
    entries.set(name, slash < 0 ? { ...object, name } : { name, ...folder, metadata: null });
  }
  const sort = (options.sortBy ?? {}) as { column?: string; order?: string };
  const column = SORTABLE.find((known) => known === sort.column) ?? "name";
  const sign = sort.order === "desc" ? -1 : 1;
  const sorted = [...entries.values()].sort((a, b) => {
    const [left, right] = [String(a[column] ?? ""), String(b[column] ?? "")];
    return left < right ? -sign : left > right ? sign : 0;
  });
  const offset = Number(options.offset ?? 0);
  return sorted.slice(offset, offset + Number(options.limit ?? 100));
}

function toFolder(prefix: string): string {
  return prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`;
}
