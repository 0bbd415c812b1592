// Where the page is, in the hash: any static host serves it, and every filter is in the URL.
import { createStore, useStore } from "./store.ts";

export interface Route {
  /** `/runs/0198…` without what follows the question mark. */
  path: string;
  /** The parts of the path, decoded. */
  parts: string[];
  query: Record<string, string>;
}

export type Query = Record<string, string | undefined | null>;

const current = createStore<Route>(readRoute());

addEventListener("hashchange", () => current.set(readRoute()));

function readRoute(): Route {
  const [path, search = ""] = location.hash.replace(/^#/, "").split("?", 2);
  const parts = path.split("/").filter((part) => part !== "").map(decode);
  return {
    path: `/${parts.join("/")}`,
    parts,
    query: Object.fromEntries(new URLSearchParams(search)),
  };
}

/** A hand-written address may hold a lone percent sign. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function useRoute(): Route {
  return useStore(current);
}

/** The parts of a query that are named and have a value. */
export function pickGiven(query: Query, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => query[name] ? [[name, query[name]]] : []),
  );
}

/** The address of a page; parts of the query without a value are left out. */
export function linkTo(parts: (string | number)[], query: Query = {}): string {
  const given = Object.entries(query).filter((
    entry,
  ): entry is [string, string] => !!entry[1]);
  const search = new URLSearchParams(given).toString();
  const path = parts.map((part) => encodeURIComponent(part)).join("/");
  return `#/${path}${search === "" ? "" : `?${search}`}`;
}

export function navigate(href: string): void {
  location.hash = href;
}

/** Changes the query of this page without a new entry in the history, as typing into a filter should. */
export function setQuery(changes: Query): void {
  const { parts, query } = readRoute();
  history.replaceState(null, "", linkTo(parts, { ...query, ...changes }));
  current.set(readRoute());
}
