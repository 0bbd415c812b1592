// Versions of packages: exact, and the same in every function as at the root, so that what is tested
// is what is deployed.
import type { ImportEdge } from "./import_graph.ts";
import type { Breach } from "./report.ts";

export type Imports = Record<string, string>;

const EXACT = /^npm:(@[\w.-]+\/)?[\w.-]+@\d+\.\d+\.\d+(-[\w.]+)?$/;

/** Judges a function's own deno.json against the root's. */
export function checkPins(path: string, text: string, root: Imports): Breach[] {
  const { imports = {} } = JSON.parse(text) as { imports?: Imports };
  return Object.entries(imports).flatMap(([name, target]) => {
    const line = text.slice(0, text.indexOf(JSON.stringify(name))).split("\n").length;
    if (!EXACT.test(target)) {
      return [{ path, line, message: `${name} is not pinned to an exact npm version: ${target}` }];
    }
    if (root[name] === undefined) {
      return [{ path, line, message: `${name} is not in the root's deno.json` }];
    }
    if (root[name] === target) return [];
    return [{ path, line, message: `${name} is ${target}, but ${root[name]} at the root` }];
  });
}

/** Every package that the sources import must be named by the function's own deno.json. */
export function checkPackages(edges: readonly ImportEdge[], imports: Imports): Breach[] {
  const targets = Object.values(imports).map((target) => target.replace(/^npm:\/?/, ""));
  return edges.flatMap(({ from, to, specifier, line }) => {
    if (!to.startsWith("npm:")) return [];
    const wanted = to.replace(/^npm:\/?/, "");
    const isPinned = targets.some((target) => wanted === target || wanted.startsWith(`${target}/`));
    const isNamed = !specifier.startsWith("npm:");
    if (isPinned && isNamed) return [];
    const message = isNamed
      ? `imports ${specifier}, which its deno.json does not pin`
      : `imports ${specifier} past its deno.json`;
    return [{ path: from, line, message }];
  });
}
