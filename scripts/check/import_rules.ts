// Which folder may import which (docs: architecture, layout). Rules over a graph, without I/O.
import type { ImportEdge } from "./import_graph.ts";
import type { RuleResult } from "./report.ts";

const FUNCTIONS = "supabase/functions/";
const SHARED = `${FUNCTIONS}_shared/`;
const STACK = "scripts/stack/";
const DASHBOARD = "admin/";

const STACK_USERS =
  /^(scripts\/stack|scripts\/generate|tests|bench)\/|^scripts\/(start|demo|run_tests|generate|database_clone|admin\/find_project)\.ts$/;

/**
 * What the parts of _shared may import of each other; a part that is not listed may import all.
 * Single files are pure ones: near names for error messages of HTTP, cron expressions for checks.
 */
const SHARED_IMPORTS: Record<string, string[]> = {
  contract: [],
  workflow: ["contract", "schedule/cron.ts", "expression"],
  expression: ["workflow/near.ts"],
  callback: ["http/constant_time.ts"],
  hooks: ["contract", "database", "http", "expression"],
  tracing: ["contract", "database", "log", "redact"],
  progress: ["contract", "log"],
  outputs: ["contract", "database", "log"],
  redact: [],
  log: ["redact"],
  platform: ["log"],
  database: ["contract", "http", "platform", "log"],
  metrics: ["database"],
  http: ["contract", "platform", "log", "redact", "workflow/near.ts"],
  agent_token: ["contract", "database", "http", "redact"],
  agent_kit: ["contract", "http", "platform", "log", "redact", "database", "agent_token"],
};

/** Packages that only one part may know. */
const PACKAGE_OWNERS: Record<string, string[]> = {
  "@supabase/supabase-js": [`${SHARED}database/`],
  "@supabase/server": [`${SHARED}http/`],
  "@marcbachmann/cel-js": [`${SHARED}expression/`],
  "@cfworker/json-schema": [`${SHARED}workflow/`],
};

/** Checks every rule; tests are held to the same rules, except for what they drive. */
export function checkImports(edges: readonly ImportEdge[]): RuleResult[] {
  return [
    apply("functions never import each other", edges, ({ from, to }) => {
      const [own, other] = [readFunction(from), readFunction(to)];
      return own !== null && other !== null && own !== other
        ? `imports the function ${other}`
        : null;
    }),
    apply("_shared imports no function and nothing outside supabase/functions", edges, (edge) => {
      if (!edge.from.startsWith(SHARED) || isPackage(edge.to)) return null;
      return edge.to.startsWith(SHARED) ? null : `imports ${edge.to}`;
    }),
    apply("functions import nothing outside supabase/functions", edges, (edge) => {
      if (readFunction(edge.from) === null || isPackage(edge.to)) return null;
      return edge.to.startsWith(FUNCTIONS) ? null : `imports ${edge.to}`;
    }),
    ...Object.entries(SHARED_IMPORTS).map(([part, allowed]) =>
      apply(
        `_shared/${part} imports ${allowed.length === 0 ? "nothing of ours" : allowed.join(", ")}${
          allowed.length === 0 ? "" : " at most"
        }`,
        edges,
        (edge) => checkPart(part, allowed, edge),
      )
    ),
    ...Object.entries(PACKAGE_OWNERS).map(([name, owners]) =>
      apply(`only ${owners.join(", ")} imports ${name}`, edges, ({ from, specifier }) => {
        if (!from.startsWith(FUNCTIONS) || isTest(from)) return null;
        if (specifier !== name && !specifier.startsWith(`${name}/`)) return null;
        return owners.some((owner) => from.startsWith(owner)) ? null : `imports ${specifier}`;
      })
    ),
    apply("scripts/stack imports nothing else of ours", edges, ({ from, to }) => {
      if (!from.startsWith(STACK) || isPackage(to)) return null;
      return to.startsWith(STACK) ? null : `imports ${to}`;
    }),
    apply(
      "only what starts the stack, tests and benchmarks import scripts/stack",
      edges,
      (edge) => {
        if (!edge.to.startsWith(STACK) || STACK_USERS.test(edge.from)) return null;
        return `imports ${edge.to}`;
      },
    ),
    apply("the dashboard imports its own files, packages and _shared/contract", edges, (edge) => {
      if (!edge.from.startsWith(DASHBOARD) || isPackage(edge.to)) return null;
      return edge.to.startsWith(DASHBOARD) || edge.to.startsWith(`${SHARED}contract/`)
        ? null
        : `imports ${edge.to}`;
    }),
    apply("only the dashboard and its tests import the dashboard", edges, ({ from, to }) => {
      return to.startsWith(DASHBOARD) && !from.startsWith(DASHBOARD) && !isTest(from)
        ? `imports ${to}`
        : null;
    }),
    apply("nothing comes from JSR or the web", edges, ({ to }) => {
      return /^(jsr|https?):/.test(to) ? `imports ${to}` : null;
    }),
  ];
}

function checkPart(part: string, allowed: readonly string[], edge: ImportEdge): string | null {
  const own = readPart(edge.from);
  const other = readPart(edge.to);
  if (own !== part || other === null || other === part) return null;
  // A test may drive its part with another one, such as the kit with the seam's types.
  if (isTest(edge.from)) return null;
  const isAllowed = allowed.some((name) => name === other || edge.to === `${SHARED}${name}`);
  return isAllowed ? null : `imports ${edge.to}`;
}

function apply(
  rule: string,
  edges: readonly ImportEdge[],
  judge: (edge: ImportEdge) => string | null,
): RuleResult {
  const breaches = edges.flatMap((edge) => {
    const message = judge(edge);
    return message === null ? [] : [{ path: edge.from, line: edge.line, message }];
  });
  return { rule, breaches };
}

/** `contract` of _shared/contract/errors.ts, `log` of _shared/log.ts; null outside of _shared. */
function readPart(path: string): string | null {
  if (!path.startsWith(SHARED)) return null;
  return path.slice(SHARED.length).split("/")[0].replace(/(_test)?\.ts$/, "");
}

function readFunction(path: string): string | null {
  if (!path.startsWith(FUNCTIONS)) return null;
  const name = path.slice(FUNCTIONS.length).split("/")[0];
  return name === "_shared" ? null : name;
}

function isPackage(path: string): boolean {
  return /^(npm|node|data):/.test(path);
}

function isTest(path: string): boolean {
  return path.endsWith("_test.ts");
}
