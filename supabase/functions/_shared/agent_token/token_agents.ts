// Which agents take tokens: those that the setting token_agents lists, by what their calls begin with.
// One list for the whole project, so that no workflow and no appended step can ask for the service key.
import { joinPath } from "./claims.ts";

/** They are the orchestrator itself, whose routes take service keys. */
const OWN_FUNCTIONS = /^\/functions\/v1\/(cron-)?orchestrator\//;

/**
 * Whether a call gets a token. Paths are compared without escapes and in lower case: no spelling of an
 * agent that takes tokens may have it called with the service key.
 */
export function takesToken(url: URL, isOwn: boolean, prefixes: readonly string[]): boolean {
  const path = readPath(url.pathname);
  if (isOwn && OWN_FUNCTIONS.test(path)) return false;
  return prefixes.some((prefix) => {
    if (prefix.startsWith("/")) return isOwn && path.startsWith(prefix.toLowerCase());
    // An https:// URL: the host is compared as a whole, not as the beginning of a longer name.
    const other = URL.parse(prefix);
    return !isOwn && other?.origin === url.origin &&
      path.startsWith(other.pathname.toLowerCase());
  });
}

/** With a slash at its end, so that `/functions/v1/ai/` has the function's own path too. */
function readPath(pathname: string): string {
  // An escape that cannot be read was refused before (call_target.ts).
  return `${joinPath(decodeURIComponent(pathname))}/`.toLowerCase();
}
