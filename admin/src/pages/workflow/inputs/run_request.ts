// From what is typed into the form to the request that starts a run. Pure.
import type { Problem } from "../../../../../supabase/functions/_shared/contract/errors.ts";
import { type Entry, readEntry, readLocalTime, writeEntry } from "./entries.ts";
import { type Field, isMap } from "./fields.ts";

export interface RunDraft {
  userId: string;
  intentId: string;
  idempotencyKey: string;
  priority: string;
  /** In the reader's zone, as the field has it. */
  runAt: string;
  isJson: boolean;
  json: string;
  entries: Record<string, Entry>;
}

export interface BuiltRequest {
  request: Record<string, unknown>;
  problems: Problem[];
}

export function buildRequest(
  workflowKey: string,
  draft: RunDraft,
  root: Field | null,
): BuiltRequest {
  const problems: Problem[] = [];
  const userId = draft.userId.trim();
  if (userId === "") {
    problems.push({
      path: "user_id",
      message: "is missing: for whom is the run?",
    });
  }
  const priority = draft.priority.trim() === "" ? undefined : Number(draft.priority);
  if (Number.isNaN(priority)) {
    problems.push({
      path: "priority",
      message: `must be a whole number, got ${draft.priority}`,
    });
  }
  const payload = readPayload(draft, root);
  problems.push(...payload.problems);
  const request = {
    workflow_key: workflowKey,
    user_id: userId,
    payload: payload.value ?? {},
    intent_id: draft.intentId.trim() || undefined,
    idempotency_key: draft.idempotencyKey.trim() || undefined,
    priority,
    run_at: draft.runAt === "" ? undefined : readLocalTime(draft.runAt),
  };
  // As JSON has it: what is not given is not there.
  return { request: JSON.parse(JSON.stringify(request)), problems };
}

export function readPayload(draft: RunDraft, root: Field | null) {
  if (!draft.isJson && root !== null) {
    return readEntry(root, draft.entries, "payload");
  }
  const text = draft.json.trim() === "" ? "{}" : draft.json;
  try {
    const value = JSON.parse(text);
    if (isMap(value)) return { value, problems: [] };
    return refuse("must be a JSON object, such as {}");
  } catch (error) {
    return refuse(`is not JSON: ${(error as Error).message}`);
  }
}

function refuse(message: string) {
  return { value: undefined, problems: [{ path: "payload", message }] };
}

/** The entries for a payload, or null where the form cannot show all of it. */
export function writePayload(
  payload: Record<string, unknown>,
  root: Field,
): Record<string, Entry> | null {
  const entries = writeEntry(root, payload) as Record<string, Entry>;
  const { value } = readEntry(root, entries, "payload");
  return isWithin(payload, value) ? entries : null;
}

/** The form may add defaults, and must keep all else. */
function isWithin(given: unknown, kept: unknown): boolean {
  if (isMap(given) && isMap(kept)) {
    return Object.entries(given).every(([name, value]) => isWithin(value, kept[name]));
  }
  if (Array.isArray(given) && Array.isArray(kept)) {
    return given.length === kept.length &&
      given.every((value, at) => isWithin(value, kept[at]));
  }
  const isTime = typeof given === "string" && typeof kept === "string" &&
    Date.parse(given) === Date.parse(kept);
  return isTime || Object.is(given, kept);
}
