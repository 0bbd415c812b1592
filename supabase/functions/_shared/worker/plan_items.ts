// The plan of a fan-out: first its items, each with what its agent gets; at the end their outputs, in
// item order. Serves stage 5.
import type { ItemsRule } from "../contract/compiled_workflow.ts";
import { MAX_ITEMS } from "../contract/workflow_file.ts";
import type { ItemOutput, LeasedJob, Parked } from "../database/rows.ts";
import { measureJson } from "../outputs/json_text.ts";
import type { OutputReader } from "../outputs/store.ts";
import { refuseLargeOutput } from "./classify.ts";
import type { Attempt } from "./drain_seam.ts";
import { die, PlanEnd } from "./plan_end.ts";
import { fetchOutput, type Scope } from "./scope.ts";

type ParkedForItems = Extract<Parked, { for: "items" }>;

/** Evaluates the list and every item's inputs. */
export async function planItems(
  { config, step_id }: LeasedJob,
  scope: Scope,
  maxBytes: number,
): Promise<Attempt> {
  const source = config.for_each!;
  const list = await scope.evaluate("for_each", source);
  if (!Array.isArray(list)) {
    const got = list === null ? "null" : typeof list;
    return die("expression", `step ${step_id}: for_each must be a list, got ${got}, in ${source}`);
  }
  if (list.length === 0) return { outcome: "success", output: [] };
  if (list.length > MAX_ITEMS) {
    const text = `for_each has ${list.length} items, ${MAX_ITEMS} are allowed, in ${source}`;
    return die("validation", `step ${step_id}: ${text}`);
  }
  const items = await fillItems(list, config.with, scope, maxBytes);
  if (items === null) {
    return refuseLargeOutput(
      `step ${step_id}: the inputs of the ${list.length} items of for_each are larger than ` +
        `${maxBytes} bytes together`,
    );
  }
  return {
    outcome: "park",
    parked: { for: "items" },
    items,
    needed: countNeeded(config.success ?? "all", list.length),
    ends_early: config.success === "any",
    max_concurrency: config.max_concurrency ?? null,
  };
}

/**
 * Longest time for the inputs of all items. Nothing else of this worker is done meanwhile, its
 * heartbeats included, and a hosted function is ended after 2 s of work.
 */
const FILL_MAX_MS = 1_500;

/** Null: they are larger than `maxBytes`; no more of them is made than fits. */
async function fillItems(
  list: readonly unknown[],
  template: unknown,
  scope: Scope,
  maxBytes: number,
): Promise<unknown[] | null> {
  const fill = template === undefined
    ? (names: { item: unknown; index: number }) => names
    : await scope.prepareFill("with", template);
  const items: unknown[] = [];
  let bytes = 0;
  const startedAt = performance.now();
  for (const [index, item] of list.entries()) {
    if (performance.now() - startedAt > FILL_MAX_MS) throw new PlanEnd(tooSlow(index, list.length));
    const input = fill({ item, index });
    bytes += measureJson(input);
    if (bytes > maxBytes) return null;
    items.push(input);
  }
  return items;
}

function tooSlow(done: number, total: number): Attempt {
  const text = `with took more than ${FILL_MAX_MS} ms for ${done} of ${total} items`;
  return die("expression", `${text}: make its expressions simpler, or the list shorter`);
}

/** How many of `total` items must succeed. */
export function countNeeded(rule: ItemsRule, total: number): number {
  if (rule === "all") return total;
  if (rule === "any") return Math.min(1, total);
  return "at_least" in rule
    ? Math.min(rule.at_least, total)
    : Math.ceil(total * rule.percent / 100);
}

/** The fan-out is decided: the list of outputs, null where an item has none, or the step's failure. */
export async function collectItems(
  { step_id }: LeasedJob,
  parked: ParkedForItems,
  outputs: OutputReader,
  maxBytes: number,
): Promise<Attempt> {
  const { total, succeeded, failed, needed, items } = parked;
  if (succeeded < needed) {
    const text = `${succeeded} of ${total} items succeeded and ${failed} failed, ${needed} needed`;
    return die("items_failed", `step ${step_id}: ${text}`);
  }
  if (items === null || sumBytes(items) > maxBytes) {
    const text = `the outputs of ${total} items are larger than ${maxBytes} bytes together`;
    return refuseLargeOutput(`step ${step_id}: ${text}`);
  }
  const output = await Promise.all(items.map((item, index) => {
    if (item.status !== "success") return null;
    if (item.output_ref === null) return item.output;
    return fetchOutput(`item ${index} of step ${step_id}`, item.output_ref, outputs);
  }));
  return { outcome: "success", output };
}

/** Known before anything is fetched: a reference tells its size. */
function sumBytes(items: readonly ItemOutput[]): number {
  let bytes = 2;
  for (const { status, output, output_ref } of items) {
    bytes += 1 + (status !== "success" ? 4 : output_ref?.bytes ?? measureJson(output));
  }
  return bytes;
}
