// The only reader of the environment and of the edge runtime's globals. Everything here works the
// same on hosted Supabase and under plain Deno, where EdgeRuntime does not exist.
import { logEvent } from "./log.ts";

interface EdgeRuntimeNamespace {
  waitUntil?: (promise: Promise<unknown>) => unknown;
}

/** Reads an environment variable; a blank one counts as unset, as in an unfilled .env line. */
export function getEnv(name: string): string | undefined {
  const value = Deno.env.get(name);
  return value === undefined || value.trim() === "" ? undefined : value;
}

/**
 * Keeps the isolate alive until background work is done. A rejection is logged instead of reaching
 * the runtime: an unhandled one would end the isolate together with every other request in it.
 */
export function waitUntil(promise: Promise<unknown>): void {
  const settled = promise.catch((error: unknown) => {
    logEvent("error", "background.failed", { error });
  });
  const runtime = (globalThis as { EdgeRuntime?: EdgeRuntimeNamespace }).EdgeRuntime;
  runtime?.waitUntil?.(settled);
}

/**
 * Calls the listener before the platform ends this isolate, with the platform's reason
 * ("wall_clock", "cpu", "memory", "early_drop", "termination") or "unknown". Returns how to stop
 * listening.
 */
export function onBeforeUnload(listener: (reason: string) => void): () => void {
  const handle = (event: Event) => listener(readReason(event));
  globalThis.addEventListener("beforeunload", handle);
  return () => globalThis.removeEventListener("beforeunload", handle);
}

const localExecutionId = crypto.randomUUID();

/** Names this isolate: the platform's id where it gives one, else one made at start. */
export function executionId(): string {
  return getEnv("SB_EXECUTION_ID") ?? localExecutionId;
}

function readReason(event: Event): string {
  const detail: unknown = event instanceof CustomEvent ? event.detail : null;
  const reason = typeof detail === "object" && detail !== null && "reason" in detail
    ? detail.reason
    : null;
  return typeof reason === "string" ? reason : "unknown";
}
