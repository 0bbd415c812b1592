// What the hosted edge runtime does not have. It is compatible with Deno 2.1 and builds its own Deno
// namespace for functions: https://github.com/supabase/edge-runtime (ext/runtime/js), and
// https://supabase.com/docs/guides/functions/limits for Worker and node:vm.
import type { Breach } from "./report.ts";
import { findMatches, type SourceFile } from "./source_text.ts";

/**
 * Much of Deno's namespace is missing there or throws; functions need no more than this. `connect` and
 * `startTls` are there (ext/runtime/js/denoOverrides.js), with the types that go with them.
 */
const ALLOWED_DENO_MEMBERS = new Set([
  "env",
  "serve",
  "connect",
  "startTls",
  "Conn",
  "TcpConn",
  "TlsConn",
]);

/** Node's modules that start threads or processes, reach the disk, or run code. */
const DENIED_NODE_MODULES = new Set([
  "child_process",
  "cluster",
  "dgram",
  "fs",
  "fs/promises",
  "inspector",
  "repl",
  "sqlite",
  "test",
  "vm",
  "worker_threads",
]);

const DENIED_NAMES: [pattern: RegExp, why: string][] = [
  [/\b(?:Shared)?Worker\s*\(/, "there are no workers"],
  [/\bSharedArrayBuffer\b/, "there is no shared memory"],
  [/\b(?:local|session)Storage\b/, "there is no web storage"],
  [/\b(?:alert|confirm|prompt)\s*\(/, "there is no terminal"],
  [/\beval\s*\(|\bnew\s+Function\s*\(/, "code is not made at run time"],
  [/\bTemporal\b/, "it is newer than the runtime"],
  [/\.\s*(?:fromBase64|toBase64|fromHex|toHex|setFromBase64|setFromHex)\s*\(/, "newer than it"],
  [/\bRegExp\s*\.\s*escape\b|\bError\s*\.\s*isError\b|\bMath\s*\.\s*sumPrecise\b/, "newer than it"],
  [/\.\s*getOrInsert(?:Computed)?\s*\(|\bIterator\s*\.\s*concat\b/, "newer than it"],
  [/\bwith\s*\{\s*type\s*:/, "only code can be imported"],
];

/** Finds every use of something that the hosted runtime lacks in the sources of a function. */
export function findMissingApis(files: readonly SourceFile[]): Breach[] {
  return files.flatMap((file) => [
    ...findDenoMembers(file),
    ...findServeOptions(file),
    ...DENIED_NAMES.flatMap(([pattern, why]) =>
      findMatches(file.code, pattern).map(({ line, text }) => ({
        path: file.path,
        line,
        message: `uses ${text.replace(/\s*\($/, "")}: ${why}`,
      }))
    ),
  ]);
}

/** Judges one imported specifier; null if functions may import it. */
export function judgeNodeModule(specifier: string): string | null {
  if (!specifier.startsWith("node:")) return null;
  const name = specifier.slice("node:".length);
  return DENIED_NODE_MODULES.has(name) ? `imports ${specifier}, which is not available` : null;
}

function findDenoMembers({ path, code }: SourceFile): Breach[] {
  return findMatches(code, /\bDeno\b(?:\s*\??\.\s*(\w+))?/).flatMap(({ line, text }) => {
    const member = text.match(/\.\s*(\w+)$/)?.[1];
    if (member !== undefined && ALLOWED_DENO_MEMBERS.has(member)) return [];
    const what = member === undefined ? "Deno as a value" : `Deno.${member}`;
    const allowed = "Deno.env, serve, connect and startTls";
    return [{ path, line, message: `uses ${what}: functions may use ${allowed}` }];
  });
}

/** The platform chooses the port: options of Deno.serve are ignored there. */
function findServeOptions({ path, code }: SourceFile): Breach[] {
  return findMatches(code, /\bDeno\s*\.\s*serve\s*\(\s*\{/).map(({ line }) => ({
    path,
    line,
    message: "gives options to Deno.serve: the platform takes a handler only",
  }));
}
