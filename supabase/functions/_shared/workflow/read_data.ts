// Data that come as JSON instead of YAML, held to the same rules as a file's values: bounded nesting,
// texts that can be stored. Pure.
import { MAX_DEPTH } from "./compose_yaml.ts";
import type { ParsedText, Path } from "./parse.ts";
import { findKeyFault, isStorable, STORABLE_RULE } from "./parse.ts";
import { type ProblemList, writePath } from "./problems.ts";

/** Copies a JSON value; what breaks a rule is noted and becomes null. */
export function readData(value: unknown, problems: ProblemList): ParsedText {
  const unreadable = new Set<string>();
  const refuse = (path: Path, message: string): null => {
    problems.add(0, message, writePath(path));
    unreadable.add(writePath(path));
    return null;
  };
  const read = (value: unknown, path: Path): unknown => {
    if (typeof value === "string") {
      return isStorable(value) ? value : refuse(path, `${writePath(path)} ${STORABLE_RULE}`);
    }
    if (typeof value !== "object" || value === null) return value;
    if (path.length > MAX_DEPTH) return refuse(path, "the value is nested too deeply");
    if (Array.isArray(value)) return value.map((item, index) => read(item, [...path, index]));
    const copy: Record<string, unknown> = Object.create(null);
    for (const [key, item] of Object.entries(value)) {
      const fault = findKeyFault(key);
      if (fault === null) copy[key] = read(item, [...path, key]);
      else refuse(path, fault);
    }
    return copy;
  };
  return {
    value: read(value, []),
    locate: () => 0,
    isUnreadable: (path) => unreadable.has(writePath(path)),
  };
}
