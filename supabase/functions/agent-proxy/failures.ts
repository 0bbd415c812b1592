// Everything that can be wrong with an answer, one way each.
import { type AgentCall, type AgentReply, fail } from "../_shared/agent_kit/mod.ts";

export const FAILURES = [
  "http_500",
  "http_400",
  "http_429",
  "http_503",
  "not_ok",
  "not_ok_retryable",
  "timeout",
  "garbage",
  "html",
  "empty",
  "endless",
  "drop",
] as const;

export type Failure = (typeof FAILURES)[number];

const DEFAULT_RETRY_AFTER_MS = 1_000;
/** Beyond the deadline, so that it is the caller who gives up and not this agent. */
const PAST_DEADLINE_MS = 2_000;
const LONG_MS = 120_000;
/** "Endless" ends here for a caller without a limit. */
const ENDLESS_BYTES = 268_435_456;

/** Answers a call in the given wrong way. */
export async function failAsScripted(
  failure: Failure,
  call: AgentCall,
  retryAfterMs: number = DEFAULT_RETRY_AFTER_MS,
): Promise<AgentReply | Response> {
  switch (failure) {
    case "http_500":
      return fail("scripted failure", { status: 500 });
    case "http_400":
      return fail("scripted refusal of the request", { status: 400 });
    case "http_429":
      return fail("scripted rate limit", { status: 429, retryAfterMs });
    case "http_503":
      return fail("scripted overload", { status: 503, retryAfterMs });
    case "not_ok":
      return fail("scripted failure for good");
    case "not_ok_retryable":
      return fail("scripted failure that passes", {
        retryable: true,
        retryAfterMs,
      });
    case "timeout":
      return await outlastDeadline(call);
    case "garbage":
      return new Response('}{"ok": tru', {
        headers: { "Content-Type": "application/json" },
      });
    case "html":
      return new Response(
        "<!doctype html><title>502</title><h1>Bad Gateway</h1>",
        {
          headers: { "Content-Type": "text/html" },
        },
      );
    case "empty":
      return new Response(null, { status: 200 });
    case "endless":
      return new Response(createEndlessBody(), {
        headers: { "Content-Type": "application/json" },
      });
    case "drop":
      return new Response(createDroppedBody(), {
        headers: { "Content-Type": "application/json" },
      });
  }
}

/** Resolves after the time; rejects with the signal's reason if that comes first. */
export function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal.addEventListener("abort", stop, { once: true });
  });
}

/** Ignores the deadline; only a caller who hangs up ends it early. */
async function outlastDeadline(call: AgentCall): Promise<AgentReply> {
  const remainingMs = call.deadline.remainingMs();
  const waitMs = remainingMs === null ? LONG_MS : remainingMs + PAST_DEADLINE_MS;
  await wait(waitMs, call.request.signal).catch(() => {});
  return fail("scripted timeout", { status: 504 });
}

function createEndlessBody(): ReadableStream<Uint8Array> {
  const chunk = new TextEncoder().encode("0,".repeat(8_192));
  let sent = 0;
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('{"ok": true, "output": ['));
    },
    pull(controller) {
      if (sent >= ENDLESS_BYTES) return controller.close();
      sent += chunk.length;
      controller.enqueue(chunk);
    },
  });
}

/** The connection breaks in the middle of the answer. */
function createDroppedBody(): ReadableStream<Uint8Array> {
  let isStarted = false;
  return new ReadableStream({
    pull(controller) {
      if (isStarted) {
        return controller.error(new Error("scripted loss of the connection"));
      }
      isStarted = true;
      controller.enqueue(
        new TextEncoder().encode('{"ok": true, "output": {"half":'),
      );
    },
  });
}
