// Where a step's `call` leads, and whether the project's credentials may go there. Serves stage 5,
// step call. Pure.
import { type CallPolicy, findCallFault } from "../workflow/call_target.ts";

export interface AgentOrigin extends CallPolicy {
  /** The project under which functions are reached, such as https://ref.supabase.co. */
  baseUrl: string;
}

export type ResolvedUrl =
  | { url: URL; /** The project's own: service credentials are sent. */ isOwn: boolean }
  | { refusal: string };

/**
 * Resolves a path of this project or an https:// URL of an allowed host; everything else is refused.
 * The compiler has asked the same of a step's call, but the list of hosts may have changed since.
 */
export function resolveAgentUrl(call: string, origin: AgentOrigin): ResolvedUrl {
  const fault = findCallFault(call, origin);
  if (fault !== null) return { refusal: `call ${fault}, got ${JSON.stringify(call)}` };
  if (!call.startsWith("/")) return { url: new URL(call), isOwn: false };
  const base = URL.parse(origin.baseUrl);
  if (base === null) return { refusal: `the base URL is no URL, got "${origin.baseUrl}"` };
  const url = URL.parse(call, base.origin);
  // Whatever the check above lets through: the service key never leaves for another host.
  if (url === null || url.origin !== base.origin) {
    return { refusal: `call ${JSON.stringify(call)} leads out of this project` };
  }
  return { url, isOwn: true };
}
