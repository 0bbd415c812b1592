// What a step does: exactly one action, only keys that mean something to it, and a target that may be
// called.
import { parseDuration } from "../contract/duration.ts";
import type { StepAction } from "../contract/workflow_file.ts";
import { type CallPolicy, findCallFault } from "./call_target.ts";
import { asMap, asText, type Findings, readMember } from "./findings.ts";
import type { LooseStep } from "./loose_steps.ts";
import { findNearNames } from "./near.ts";
import type { Path } from "./parse.ts";
import { quoteValue, writePath } from "./problems.ts";

/** Keys that every step may have. */
const COMMON = ["id", "depends_on", "join", "if", "else_of", "continue_on_error"];
const FAN_OUT = ["for_each", "max_concurrency", "success"];
const CALL = ["method", "timeout_ms", "mode", "callback_timeout", "heartbeat", "queue_timeout"];

/** What else a step of each kind may have. */
const KEYS_OF_ACTION: Record<StepAction, readonly string[]> = {
  call: [...FAN_OUT, ...CALL, "with", "rate_limit", "retry", "compensate", "may_append"],
  workflow: [...FAN_OUT, "with", "compensate"],
  wait: ["compensate"],
  sleep: [],
  use: ["with"],
};

/** Why a key of another kind does nothing. */
const WHY_USELESS: Record<StepAction, string> = {
  call: "a call does not know it",
  workflow: "a step with workflow calls no agent itself",
  wait: "a step that waits calls no agent",
  sleep: "a step that sleeps calls no agent",
  use: "the template's own steps say that",
};

/** Keys that need another one: [key, needs, why]. */
const NEEDS: readonly [key: string, needs: string, why: string][] = [
  ["callback_timeout", "mode", "only a step with mode: async is called back"],
  ["heartbeat", "mode", "only a step with mode: async is called back"],
  ["max_concurrency", "for_each", "only a step with for_each has items"],
  ["success", "for_each", "only a step with for_each has items"],
];

export interface ActionPolicy extends CallPolicy {
  /** What calls must begin with; any call without it. */
  callPrefixes?: readonly string[];
  /** Keys that steps of this place cannot have, and why. */
  refusedKeys?: Readonly<Record<string, string>>;
}

/** Checks one step by itself. */
export function checkAction(step: LooseStep, policy: ActionPolicy, findings: Findings): void {
  checkKeys(step, policy, findings);
  checkCall([...step.path, "call"], step.keys.call, policy, findings);
  const compensate = [...step.path, "compensate"];
  checkCall([...compensate, "call"], readMember(step.keys.compensate, "call"), policy, findings);
  checkRetry([...step.path, "retry"], step.keys.retry, findings);
  checkRetry([...compensate, "retry"], readMember(step.keys.compensate, "retry"), findings);
  checkSuccess(step, findings);
  checkWait(step, findings);
  for (const path of [[...step.path, "with"], [...compensate, "with"]]) {
    checkValues(path, readMember(path.length === 3 ? step.keys : step.keys.compensate, "with"), {
      isMap: path.length === 3 && step.actions[0] === "use",
    }, findings);
  }
}

function checkKeys(step: LooseStep, policy: ActionPolicy, findings: Findings): void {
  const { keys, actions, path } = step;
  const [action, second] = actions;
  if (Object.keys(keys).length === 0) return;
  if (action === undefined) {
    return findings.noteAt(
      path,
      "does nothing: it needs one of call, workflow, wait, sleep or use",
    );
  }
  if (second !== undefined) {
    return findings.note(
      [...path, second],
      `${writePath(path)} has ${actions.join(" and ")}: a step does one thing`,
      { part: "key" },
    );
  }
  const allowed = new Set([...COMMON, ...KEYS_OF_ACTION[action], action]);
  for (const key of Object.keys(keys)) {
    const refused = policy.refusedKeys?.[key];
    if (refused !== undefined) findings.noteAt([...path, key], refused, { part: "key" });
    else if (!allowed.has(key) && KNOWN_KEYS.has(key)) {
      findings.noteUseless([...path, key], WHY_USELESS[action]);
    }
  }
  for (const [key, needs, why] of NEEDS) {
    const isMet = needs === "mode" ? keys.mode === "async" : Object.hasOwn(keys, needs);
    if (Object.hasOwn(keys, key) && allowed.has(key) && !isMet) {
      findings.noteUseless([...path, key], why);
    }
  }
  if (keys.method === "GET" && action === "call") {
    for (const key of ["with", "for_each"]) {
      if (!Object.hasOwn(keys, key)) continue;
      findings.noteUseless([...path, key], "a GET has no body to send inputs in; use POST");
    }
  }
  if (keys.may_append === true && Object.hasOwn(keys, "for_each")) {
    findings.noteUseless([...path, "may_append"], "the items of a fan-out cannot append steps");
  }
}

/** Keys of a step; the shape's check tells about others. */
const KNOWN_KEYS = new Set([...COMMON, ...Object.values(KEYS_OF_ACTION).flat()]);

function checkCall(path: Path, call: unknown, policy: ActionPolicy, findings: Findings): void {
  if (typeof call !== "string" || call === "") return;
  const note = (rest: string, findNear?: () => string[]) =>
    findings.noteAt(path, `${rest}, got ${quoteValue(call)}`, { findNear });
  if (call.includes("${{")) {
    return note("must be one address: what changes from run to run belongs into `with`");
  }
  const fault = findCallFault(call, policy);
  if (fault !== null) return note(fault, () => findNearHosts(call, policy));
  const prefixes = policy.callPrefixes;
  if (prefixes !== undefined && !prefixes.some((prefix) => call.startsWith(prefix))) {
    note(`must begin with ${prefixes.join(" or ") || "nothing: no call may be appended"}`);
  }
}

function findNearHosts(call: string, policy: CallPolicy): string[] {
  return URL.canParse(call) ? findNearNames(new URL(call).host, policy.allowedAgentHosts) : [];
}

/** `defaults.retry` is held to the same rules. */
export function checkRetry(path: Path, retry: unknown, findings: Findings): void {
  const keys = asMap(retry);
  if (keys === null) return;
  checkUnique([...path, "on"], keys.on, findings);
  const [initial, max] = [readMs(keys.initial), readMs(keys.max)];
  if (initial === null || max === null || initial <= max) return;
  findings.noteAt(
    [...path, "max"],
    `must not be below initial, got ${keys.max} and ${keys.initial}`,
  );
}

function checkUnique(path: Path, list: unknown, findings: Findings): void {
  if (!Array.isArray(list)) return;
  const seen = new Set<unknown>();
  for (const [index, value] of list.entries()) {
    if (seen.has(value)) findings.note([...path, index], `${quoteValue(value)} is named twice`);
    seen.add(value);
  }
}

function checkSuccess({ keys, path }: LooseStep, findings: Findings): void {
  const rule = asMap(keys.success);
  if (rule === null || Object.keys(rule).length === 1) return;
  findings.noteAt([...path, "success"], "must have one of at_least or percent");
}

function checkWait({ keys, path }: LooseStep, findings: Findings): void {
  const wait = asMap(keys.wait);
  if (wait === null || !Object.hasOwn(wait, "on_timeout") || Object.hasOwn(wait, "timeout")) return;
  findings.noteUseless(
    [...path, "wait", "on_timeout"],
    "without a timeout the wait never ends by time",
  );
}

/** A text must be one expression: an agent gets a map of inputs, or a value that a step made. */
function checkValues(
  path: Path,
  values: unknown,
  { isMap }: { isMap: boolean },
  findings: Findings,
): void {
  const text = asText(values);
  if (text === null) return;
  if (isMap) return findings.noteAt(path, `must be a map of arguments, got ${quoteValue(text)}`);
  if (/^\$\{\{[^]*\}\}$/.test(text)) return;
  findings.noteAt(
    path,
    `must be a map, or one text of the form \${{ … }}, got ${quoteValue(text)}`,
  );
}

function readMs(value: unknown): number | null {
  return typeof value === "string" ? parseDuration(value) : null;
}
