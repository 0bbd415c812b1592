// Which endpoints a step may call, and what agent a call goes to. The compiler and the guarded HTTP
// helper ask the same questions, so that nothing passes one and fails at the other.

/** Characters of RFC 3986 but `#`: a fragment never reaches the agent. */
const URL_CHARACTERS = /^[A-Za-z0-9\-._~:/?[\]@!$&'()*+,;=%]*$/;

const FUNCTIONS_PREFIX = "/functions/v1/";

/** Hosts as `host` or `host:port`, lower case, as in the setting allowed_agent_hosts. */
export interface CallPolicy {
  readonly allowedAgentHosts: readonly string[];
}

/**
 * What is wrong with a call, as the end of a sentence that begins with the call's name, or null.
 * A call is a path of this project or an https:// URL on an allowed host.
 */
export function findCallFault(call: string, policy: CallPolicy): string | null {
  if (!call.startsWith("/") && !call.startsWith("https://")) {
    return "must start with / or https://";
  }
  // `//host` and `/\host` are other hosts to a URL parser: the service key would go there.
  if (/^\/[/\\]/.test(call)) return "must start with one slash: // would name another host";
  if (!URL_CHARACTERS.test(call)) {
    const bad = [...call].find((character) => !URL_CHARACTERS.test(character));
    return `must not contain ${JSON.stringify(bad)}`;
  }
  const pathFault = findPathFault(readPath(call));
  if (pathFault !== null) return pathFault;
  return call.startsWith("/") ? findFunctionFault(call) : findHostFault(call, policy);
}

/**
 * The agent's name for rate limits and views: `/functions/v1/<function>/<agent>/…` names it after
 * the function, else it is the function; an https:// URL's agent is its host.
 */
export function nameAgent(call: string): string {
  if (call.startsWith("https://")) return readHost(call);
  const segments = readPath(call).split("/").filter((segment) => segment !== "");
  const isFunction = call.startsWith(FUNCTIONS_PREFIX);
  return (isFunction ? segments[3] ?? segments[2] : segments[0]) ?? "/";
}

/** The function that a path of the project calls, in lower case; null for other calls. */
export function readFunctionName(call: string): string | null {
  if (!call.startsWith(FUNCTIONS_PREFIX)) return null;
  const segment = readPath(call).slice(FUNCTIONS_PREFIX.length).split("/", 1)[0];
  return decodeSegment(segment)?.toLowerCase() ?? null;
}

function findPathFault(path: string): string | null {
  for (const segment of path.split("/")) {
    const decoded = decodeSegment(segment);
    if (decoded === null) return `has a bad percent escape in ${JSON.stringify(segment)}`;
    if (decoded === "." || decoded === "..") return `must not contain the segment ${decoded}`;
    // A server that decodes before it routes would see other segments than were checked here.
    // deno-lint-ignore no-control-regex
    if (/[/\\\u0000-\u001f\u007f]/.test(decoded)) {
      return `must not escape a slash, backslash or control character in ${
        JSON.stringify(segment)
      }`;
    }
  }
  return null;
}

function findFunctionFault(call: string): string | null {
  const isNameless = call.startsWith(FUNCTIONS_PREFIX) &&
    /^(\/|$)/.test(readPath(call).slice(FUNCTIONS_PREFIX.length));
  return isNameless ? `must name a function after ${FUNCTIONS_PREFIX}` : null;
}

function findHostFault(call: string, policy: CallPolicy): string | null {
  if (!URL.canParse(call)) return "must be a valid URL";
  const url = new URL(call);
  if (readAuthority(call).includes("@")) return "must not contain credentials";
  if (policy.allowedAgentHosts.includes(url.host)) return null;
  return `names the host ${url.host}, which the setting allowed_agent_hosts does not list`;
}

function readPath(call: string): string {
  const withoutQuery = call.split("?", 1)[0];
  if (!call.startsWith("https://")) return withoutQuery;
  return withoutQuery.slice("https://".length + readAuthority(call).length);
}

function readAuthority(call: string): string {
  return call.slice("https://".length).split(/[/?]/, 1)[0];
}

function readHost(call: string): string {
  return URL.canParse(call) ? new URL(call).host : readAuthority(call);
}

function decodeSegment(segment: string): string | null {
  try {
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}
