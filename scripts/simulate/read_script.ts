// Reads and checks a script, from a YAML or JSON file or from a test's object: every problem at once,
// those of a file with their line.
import { z } from "zod";
import type { Problem } from "../../supabase/functions/_shared/contract/errors.ts";
import { describeExpectation } from "../../supabase/functions/_shared/contract/expectation.ts";
import { findNearNames } from "../../supabase/functions/_shared/workflow/near.ts";
import { parseText } from "../../supabase/functions/_shared/workflow/parse.ts";
import {
  ProblemList,
  quoteValue,
  writePath,
} from "../../supabase/functions/_shared/workflow/problems.ts";
import {
  approvalSchema,
  behaviourSchema,
  eventSchema,
  type SimulationScript,
} from "./agent_script.ts";

export const SCRIPT_MAX_BYTES = 2_097_152;

type Path = (string | number)[];

export interface ScriptFault {
  path: Path;
  message: string;
  near?: string[];
  /** The key itself is wrong, not its value. */
  isKey?: boolean;
}

/** A text that was read, with the way from a fault to its place in the text. */
export type ReadScript =
  | { ok: true; script: SimulationScript; toProblems(faults: ScriptFault[]): Problem[] }
  | { ok: false; problems: Problem[] };

/** Reads the text of a script file. */
export function readScript(source: string, file: string): ReadScript {
  const list = new ProblemList(source, file);
  const parsed = parseText(source, SCRIPT_MAX_BYTES, list);
  if (parsed === null || !list.isEmpty) return { ok: false, problems: list.list() };
  const toProblems = (faults: ScriptFault[]) => {
    const located = new ProblemList(source, file);
    for (const { path, message, near, isKey } of faults) {
      const at = () => parsed.locate(path, isKey ? "key" : "value");
      located.add(at, message, writePath(path), () => near ?? []);
    }
    return located.list();
  };
  const faults = checkScript(parsed.value);
  if (faults.length > 0) return { ok: false, problems: toProblems(faults) };
  // Maps without a prototype become plain ones: deepEqual of a test tells the two apart.
  return { ok: true, script: structuredClone(parsed.value) as SimulationScript, toProblems };
}

/** What is wrong with a script, whoever wrote it. */
export function checkScript(value: unknown): ScriptFault[] {
  const shape = z.strictObject({
    agents: z.record(z.string(), z.unknown()).optional(),
    events: z.array(z.unknown()).optional(),
    approvals: z.record(z.string(), z.unknown()).optional(),
  });
  const faults = findFaults(shape, value, []);
  if (faults.length > 0) return faults;
  const { agents, events, approvals } = shape.parse(value);
  return [
    ...Object.entries(agents ?? {}).flatMap(([name, it]) => checkAgent(it, ["agents", name])),
    ...(events ?? []).flatMap((it, at) => findFaults(eventSchema, it, ["events", at])),
    ...Object.entries(approvals ?? {}).flatMap(([name, it]) =>
      findFaults(approvalSchema, it, ["approvals", name])
    ),
  ];
}

function checkAgent(value: unknown, path: Path): ScriptFault[] {
  if (typeof value === "function") return [];
  if (!Array.isArray(value)) return checkBehaviour(value, path);
  if (value.length === 0) {
    return [{ path, message: `${writePath(path)} is an empty list: leave the agent out instead` }];
  }
  return value.flatMap((it, at) => checkBehaviour(it, [...path, at]));
}

/** Also what a function of a script returned; then `path` names the function. */
export function checkBehaviour(value: unknown, path: Path): ScriptFault[] {
  const faults = findFaults(behaviourSchema, value, path);
  if (faults.length > 0) return faults;
  const { output, fail, steps, callback, retry_after, error } = behaviourSchema.parse(value);
  const place = writePath(path);
  const refuse = (message: string) => faults.push({ path, message: `${place} ${message}` });
  if (fail !== undefined && (output !== undefined || steps !== undefined)) {
    refuse("says both fail and output (or steps): one answer is either");
  }
  if (callback !== undefined && (fail ?? output ?? steps) !== undefined) {
    refuse("says callback and an answer: what the agent says in the end belongs into callback");
  }
  if (fail === undefined && (retry_after ?? error) !== undefined) {
    refuse("says error or retry_after, which only stand beside fail");
  }
  return faults;
}

function findFaults(schema: z.ZodObject, value: unknown, path: Path): ScriptFault[] {
  const result = schema.safeParse(value);
  if (result.success) return [];
  return result.error.issues.flatMap((issue) => describeIssue(issue, schema, value, path));
}

function describeIssue(
  issue: z.core.$ZodIssue,
  schema: z.ZodObject,
  value: unknown,
  base: Path,
): ScriptFault[] {
  const inner = issue.path.map((part) => typeof part === "symbol" ? String(part) : part);
  const path = [...base, ...inner];
  if (issue.code === "unrecognized_keys") {
    const known = listKeys(schema, inner);
    return issue.keys.map((key) => ({
      path: [...path, key],
      message: `unknown key ${quoteValue(key)}: expected one of ${known.join(", ")}`,
      near: findNearNames(key, known),
      isKey: true,
    }));
  }
  const name = path.length === 0 ? "the script" : writePath(path);
  const expected = /^(Invalid|Too) /.test(issue.message)
    ? describeExpectation(issue) ?? issue.message
    : issue.message;
  const found = inner.reduce<unknown>(
    (it, part) => (it as Record<string | number, unknown> | null)?.[part],
    value,
  );
  return [{
    path,
    message: found === undefined
      ? `${name} is missing: expected ${expected}`
      : `${name} must be ${expected}, got ${quoteValue(found)}`,
  }];
}

function listKeys(schema: z.ZodObject, path: Path): string[] {
  let at: unknown = schema;
  for (const part of path) {
    at = at instanceof z.ZodObject ? at.shape[part] : undefined;
    if (at instanceof z.ZodOptional) at = at.unwrap();
  }
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}
