// GET /runs/:id/events: the progress of a run as server-sent events, for apps that show it to the user whose
// run it is.
import { OrchestratorError } from "../../_shared/contract/errors.ts";
import type { Rpc } from "../../_shared/database/rpc.ts";
import type { Router } from "../../_shared/http/router.ts";
import { type Look, openProgressStream } from "../../_shared/progress/stream.ts";
import type { Engine } from "../engine.ts";
import { readRunId } from "../fields.ts";
import { refuseUnknownRun } from "../refusals.ts";

const HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store, no-transform",
  // Proxies of nginx's kind collect an answer unless told not to.
  "x-accel-buffering": "no",
};

/** Until a place is free: about what a stream that ends leaves. */
const FULL_RETRY_MS = 5_000;

export function addProgressRoute(router: Router, { rpc, loadSettings }: Engine): void {
  let open = 0;

  router.get("/runs/:id/events", async (context) => {
    const workflowRunId = readRunId(context.req.param("id"));
    const { progressMaxStreams, progressStreamMs } = await loadSettings();
    const caller = context.get("reader");
    const userId = caller.kind === "user" ? caller.userId : null;
    const first = await look(rpc, { workflowRunId, userId });
    if (first === "gone" || first === "unchanged") throw refuseUnknownRun(workflowRunId);
    // For who heard of a change by Realtime and wants the state alone.
    if (/^application\/json\b/i.test(context.req.header("accept") ?? "")) {
      return context.json(first.progress);
    }
    const lastEventId = context.req.header("last-event-id") ?? null;
    // No content tells a client of this kind not to come back.
    if (first.progress.status !== "running" && first.version === lastEventId) {
      return context.body(null, 204);
    }
    if (context.req.raw.method === "HEAD") return context.body(null, 200, HEADERS);
    if (open >= progressMaxStreams) {
      throw new OrchestratorError(
        "rate_limited",
        `watching run ${workflowRunId}: ${open} streams are open here, as many as ` +
          "progress_max_streams allows; come back later",
        { retryAfterMs: FULL_RETRY_MS },
      );
    }
    open++;
    const stream = openProgressStream({
      first,
      lastEventId,
      look: (seen) => look(rpc, { workflowRunId, userId, seen }),
      lifeMs: progressStreamMs,
      onEnd: () => open--,
    });
    return context.body(stream, 200, HEADERS);
  });
}

async function look(
  rpc: Pick<Rpc, "getProgress">,
  asked: { workflowRunId: string; userId: string | null; seen?: string },
): Promise<Look> {
  const found = await rpc.getProgress(asked);
  if (found.result === "changed") return found;
  return found.result === "unchanged" ? "unchanged" : "gone";
}
