// The shell that all functions share: who calls and whether the route is for them before anything else,
// the platform's path prefix, a request id, headers for pages of other origins, and problem details for
// whatever goes wrong. Routes add their own paths.
import { type Context, Hono } from "hono";
import { matchedRoutes } from "hono/route";
import { OrchestratorError } from "../contract/errors.ts";
import { logEvent } from "../log.ts";
import { findNearNames } from "../workflow/near.ts";
import { type AccessTable, checkAccess, findLevel, type KnownRoute } from "./access.ts";
import { type Authenticate, authenticateService, type Caller, type KnownCaller } from "./auth.ts";
import {
  answerPreflight,
  findListedOrigin,
  type FindOrigins,
  listCorsHeaders,
  readPreflight,
} from "./cors.ts";
import { describeError, methodNotAllowedResponse, problemResponse } from "./problem.ts";

/** `caller` is there on every route but those that are open or for users, `reader` on all but open ones. */
export type RouterEnv = { Variables: Variables };

interface Variables {
  caller: Caller;
  reader: KnownCaller;
  requestId: string;
  /** Of a page that may read the answer. */
  isListedOrigin?: boolean;
}

export type Router = Hono<RouterEnv>;

export interface RouterOptions {
  /** The function's name: the first segment of every path that the platform passes on. */
  functionName: string;
  authenticate?: Authenticate;
  /** Whom each route is for; service keys alone unless told otherwise. */
  access?: AccessTable;
  /** Origins whose pages may read the answers; none unless told otherwise. */
  findOrigins?: FindOrigins;
  /** How errors are answered; problem details unless told otherwise. */
  respondToError?: (error: unknown, requestId: string) => Response;
}

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/**
 * Makes a router without routes. Paths are matched without the function's name, with which hosted
 * Supabase passes them (`/orchestrator/dispatch`).
 */
export function createRouter(options: RouterOptions): Router {
  const authenticate = options.authenticate ?? authenticateService;
  const access = options.access ?? {};
  const respondToError = options.respondToError ?? problemResponse;
  const isForPages = (route: KnownRoute | undefined) =>
    ["user", "viewer", "operator"].includes(findLevel(route, access));
  const router: Router = new Hono<RouterEnv>({
    getPath: (request) => stripFunctionName(new URL(request.url).pathname, options.functionName),
  });

  router.use("*", async (context, next) => {
    const requestId = readRequestId(context.req.raw);
    context.set("requestId", requestId);
    const headers: [string, string][] = [
      ["X-Request-Id", requestId],
      ["X-Content-Type-Options", "nosniff"],
    ];
    if (options.findOrigins !== undefined) {
      const origin = await findListedOrigin(context.req.raw, options.findOrigins);
      headers.push(...listCorsHeaders(origin));
      context.set("isListedOrigin", origin !== null);
    }
    // What goes wrong further in has become an answer by then, which needs these headers too.
    await next();
    for (const [name, value] of headers) context.header(name, value);
    // Some routes say more of what may be kept, and none says less.
    if (!context.res.headers.has("cache-control")) context.header("Cache-Control", "no-store");
  });

  router.use("*", async (context, next) => {
    const { raw, method, path } = context.req;
    const asked = context.get("isListedOrigin") ? readPreflight(raw) : null;
    if (asked !== null && isForPages(findRoute(router, asked, path))) return answerPreflight();
    const route = readRoute(context);
    const level = findLevel(route, access);
    if (level !== "open") {
      const caller = await authenticate(raw);
      checkAccess(caller, level, `${method} ${route?.path ?? path}`);
      context.set("reader", caller);
      if (caller.kind !== "user") context.set("caller", caller);
    }
    await next();
  });

  router.notFound((context) => {
    const { method, path } = context.req;
    const requestId = context.get("requestId");
    const allowed = METHODS.filter((other) => findRoute(router, other, path) !== undefined);
    if (allowed.length > 0) {
      const detail = `routing: ${path} takes ${allowed.join(" or ")}, not ${method}`;
      return methodNotAllowedResponse(detail, allowed, requestId);
    }
    const near = findNearNames(path, listPaths(router));
    const hint = near.length > 0 ? `; did you mean ${near[0]}?` : "";
    return respondToError(
      new OrchestratorError(
        "not_found",
        `routing: there is no ${path}${hint}`,
        {
          problems: near.length > 0 ? [{ message: `there is no ${path}`, near }] : [],
        },
      ),
      requestId,
    );
  });

  router.onError((error, context) => {
    const requestId = context.get("requestId") ?? "";
    const { status, kind } = describeError(error).details;
    if (status >= 500) {
      const { method, path } = context.req;
      const route = readRoute(context);
      // The path of an open route holds its credential.
      const isOpen = findLevel(route, access) === "open";
      logEvent(status === 503 ? "warn" : "error", "request.failed", {
        function: options.functionName,
        method,
        path: isOpen ? route?.path : path,
        request_id: requestId,
        kind,
        error,
        stack: status === 503 ? undefined : error.stack,
      });
    }
    return respondToError(error, requestId);
  });

  return router;
}

/** `/orchestrator/dispatch` and `/functions/v1/orchestrator/dispatch` become `/dispatch`. */
export function stripFunctionName(
  pathname: string,
  functionName: string,
): string {
  const parts = pathname.split("/").filter((part) => part !== "");
  if (parts[0] === "functions" && parts[1] === "v1") parts.splice(0, 2);
  if (parts[0] === functionName) parts.shift();
  return `/${parts.join("/")}`;
}

/** A caller's own id is kept if it is fit to be logged. */
function readRequestId(request: Request): string {
  const given = request.headers.get("x-request-id");
  return given !== null && /^[\w.:-]{1,128}$/.test(given) ? given : crypto.randomUUID();
}

/** The route that answers this request: a HEAD is answered by the route of its GET. */
function readRoute(context: Context<RouterEnv>): KnownRoute | undefined {
  return matchedRoutes(context).find((route) => !isShell(route));
}

/** The route that would answer. */
function findRoute(router: Router, method: string, path: string): KnownRoute | undefined {
  return router.router.match(method, path)[0].map(([[, route]]) => route)
    .find((route) => !isShell(route));
}

function isShell({ method, path }: KnownRoute): boolean {
  return method === "ALL" && path === "/*";
}

function listPaths(router: Router): string[] {
  return [...new Set(router.routes.map((route) => route.path))].filter((path) => path !== "/*");
}
