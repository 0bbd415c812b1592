// The shell that all functions share: service auth before anything else (but for routes that are
// named open), the platform's path prefix, a request id, and problem details for whatever goes wrong.
// Routes add their own paths.
import { Hono } from "hono";
import { OrchestratorError } from "../contract/errors.ts";
import { logEvent } from "../log.ts";
import { type Authenticate, authenticateService, type Caller } from "./auth.ts";
import { findNearNames } from "../workflow/near.ts";
import { describeError, methodNotAllowedResponse, problemResponse } from "./problem.ts";

/** `caller` is there on every route but the open ones. */
export type RouterEnv = { Variables: { caller: Caller; requestId: string } };

export type Router = Hono<RouterEnv>;

export interface RouterOptions {
  /** The function's name: the first segment of every path that the platform passes on. */
  functionName: string;
  authenticate?: Authenticate;
  /**
   * Routes that check a credential of their own instead of a service key. Matched against the whole
   * path without the function's name, so that a route is open only where it is named here.
   */
  openRoutes?: readonly OpenRoute[];
  /** How errors are answered; problem details unless told otherwise. */
  respondToError?: (error: unknown, requestId: string) => Response;
}

export interface OpenRoute {
  method: string;
  /** Anchored at both ends. */
  path: RegExp;
  /** What logs say instead of the path, which may hold the credential. */
  name: string;
}

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/**
 * Makes a router without routes. Paths are matched without the function's name, with which hosted
 * Supabase passes them (`/orchestrator/dispatch`). No CORS headers: service keys have no place in
 * a browser.
 */
export function createRouter(options: RouterOptions): Router {
  const authenticate = options.authenticate ?? authenticateService;
  const respondToError = options.respondToError ?? problemResponse;
  const router: Router = new Hono<RouterEnv>({
    getPath: (request) => stripFunctionName(new URL(request.url).pathname, options.functionName),
  });

  router.use("*", async (context, next) => {
    const requestId = readRequestId(context.req.raw);
    context.set("requestId", requestId);
    const { raw, method, path } = context.req;
    if (findOpenRoute(method, path, options.openRoutes) === undefined) {
      context.set("caller", await authenticate(raw));
    }
    await next();
    context.header("X-Request-Id", requestId);
  });

  router.notFound((context) => {
    const { method, path } = context.req;
    const requestId = context.get("requestId");
    const allowed = METHODS.filter((other) => hasRoute(router, other, path));
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
      logEvent(status === 503 ? "warn" : "error", "request.failed", {
        function: options.functionName,
        method,
        path: findOpenRoute(method, path, options.openRoutes)?.name ?? path,
        request_id: requestId,
        kind,
        error,
        stack: status === 503 ? undefined : error.stack,
      });
    }
    const response = respondToError(error, requestId);
    response.headers.set("X-Request-Id", requestId);
    return response;
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

function findOpenRoute(
  method: string,
  path: string,
  routes: readonly OpenRoute[] = [],
): OpenRoute | undefined {
  return routes.find((route) => route.method === method && route.path.test(path));
}

/** A caller's own id is kept if it is fit to be logged. */
function readRequestId(request: Request): string {
  const given = request.headers.get("x-request-id");
  return given !== null && /^[\w.:-]{1,128}$/.test(given) ? given : crypto.randomUUID();
}

function hasRoute(router: Router, method: string, path: string): boolean {
  return router.router.match(method, path)[0].some(([[, route]]) => route.method === method);
}

function listPaths(router: Router): string[] {
  return [...new Set(router.routes.map((route) => route.path))].filter((path) => path !== "/*");
}
