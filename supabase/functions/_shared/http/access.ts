// Which callers a route is for. Routes that nobody thought of are for service keys alone.
import { OrchestratorError } from "../contract/errors.ts";
import type { Caller, KnownCaller } from "./auth.ts";

/**
 * `open`: the route checks a credential of its own. `user`: whoever is signed in; the route shows an app's
 * user their own alone. `viewer`: signed-in people who look at all. `operator`: those who act. `service`:
 * holders of a service key, who may also do all the rest.
 */
export type AccessLevel = "open" | "user" | "viewer" | "operator" | "service";

/** Levels by route as it is added, such as `GET /runs/:id`; one that is not listed is `service`. */
export type AccessTable = Readonly<Record<string, AccessLevel>>;

export interface KnownRoute {
  method: string;
  /** With its parameters' names. */
  path: string;
}

/** The level of a route, or of a path that leads to none. */
export function findLevel(route: KnownRoute | undefined, table: AccessTable): AccessLevel {
  if (route === undefined) return "service";
  const key = `${route.method} ${route.path}`;
  return Object.hasOwn(table, key) ? table[key] : "service";
}

/** Throws `forbidden`, naming what would be needed, unless the caller may use a route of this level. */
export function checkAccess(caller: KnownCaller, level: AccessLevel, route: string): void {
  if (level === "user") return;
  if (caller.kind === "user") throw new OrchestratorError("forbidden", caller.refusal);
  checkRole(caller, level, route);
}

function checkRole(caller: Caller, level: AccessLevel, route: string): void {
  if (caller.kind === "service" || level === "open" || level === "viewer") return;
  if (level === "operator" && caller.role === "operator") return;
  throw new OrchestratorError(
    "forbidden",
    level === "operator"
      ? `authorizing: ${route} needs the role operator, ${caller.email} has the role ` +
        `${caller.role}; \`deno task admin:grant ${caller.email} operator\` gives it`
      : `authorizing: ${route} takes a service key only, and ${caller.email} is signed in as a user`,
  );
}
