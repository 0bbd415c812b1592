// GET /metrics: what Prometheus and its kind scrape. Not for service keys: a scraper keeps its
// credential in a file of its own, and must be able to do nothing else with it.
import { accepts } from "hono/accepts";
import { OrchestratorError } from "../../_shared/contract/errors.ts";
import { VERSION } from "../../_shared/contract/version.ts";
import { isEqualInConstantTime } from "../../_shared/http/constant_time.ts";
import type { Router } from "../../_shared/http/router.ts";
import { logEvent } from "../../_shared/log.ts";
import {
  CONTENT_TYPES,
  type MetricsType,
  OPEN_METRICS_TYPE,
  renderMetrics,
  TEXT_TYPE,
} from "../../_shared/metrics/render.ts";
import { noteSecrets } from "../../_shared/redact.ts";
import type { Engine } from "../engine.ts";

/** The environment variable with the scraper's token. */
export const METRICS_TOKEN_VARIABLE = "ORCHESTRATOR_METRICS_TOKEN";

const SHORTEST_TOKEN = 16;

/** Without a token the route answers 404, and says how to turn it on. */
export function addMetricsRoute(
  router: Router,
  { rpc }: Pick<Engine, "rpc">,
  token: string | undefined,
): void {
  noteSecrets([token]);
  router.get("/metrics", async (context) => {
    checkToken(context.req.header("authorization"), token, context.get("requestId"));
    const type = accepts(context, {
      header: "Accept",
      supports: [TEXT_TYPE, OPEN_METRICS_TYPE],
      default: TEXT_TYPE,
    }) as MetricsType;
    const snapshot = await rpc.getMetrics({ version: VERSION });
    return context.body(renderMetrics(snapshot, type), 200, {
      "Content-Type": CONTENT_TYPES[type],
    });
  });
}

/** Throws `not_found` where metrics are off, and `unauthorized` for another token. */
function checkToken(
  authorization: string | undefined,
  token: string | undefined,
  requestId: string,
): void {
  if (token === undefined || token.length < SHORTEST_TOKEN) {
    const fault = token === undefined ? "is not set" : `has ${token.length} characters`;
    throw new OrchestratorError(
      "not_found",
      `scraping: metrics are off, because ${METRICS_TOKEN_VARIABLE} ${fault}; set it to at least ` +
        `${SHORTEST_TOKEN} random characters (supabase secrets set) and send them as ` +
        "Authorization: Bearer",
    );
  }
  const presented = authorization?.match(/^bearer +(\S+)$/i)?.[1];
  if (presented !== undefined && isEqualInConstantTime(presented, token)) return;
  const fault = presented === undefined ? "no bearer token was sent" : "the token is another one";
  logEvent("warn", "metrics.scrape_refused", { fault, request_id: requestId });
  throw new OrchestratorError(
    "unauthorized",
    `scraping: ${fault}; send ${METRICS_TOKEN_VARIABLE} as Authorization: Bearer`,
  );
}
