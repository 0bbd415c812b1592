// What an agent is asked to do: the ids, payload and inputs of the step, read from the body of a
// POST or the query of a GET, and the time that is left for it.
import { z } from "zod";
import { OrchestratorError } from "../contract/errors.ts";
import { findUnstorable } from "../database/storable.ts";
import { checkInput, parseJson, readText } from "../http/body.ts";
import { createDeadline, type Deadline } from "./deadline.ts";

/** Names are those on the wire. Ids are null when someone else than the orchestrator calls. */
export interface AgentCall {
  workflow_run_id: string | null;
  workflow_key: string | null;
  step_id: string | null;
  user_id: string | null;
  intent_id: string | null;
  /** 1 for the first. */
  attempt: number;
  /** What the run was dispatched with; a GET does not carry it. */
  payload: Record<string, unknown>;
  /**
   * What the step's `with` says, else the outputs of the steps that it depends on, by step id; a GET
   * does not carry them.
   */
  inputs: Record<string, unknown>;
  /** The same over all attempts of one step; null when the caller sent none. */
  idempotency_key: string | null;
  /** Which item of a fan-out the call is for, from 0; null if it is for none. */
  item_index: number | null;
  /** Where a reply may be posted after a `later()`; null: the caller waits for this answer. */
  callback: CallbackTarget | null;
  deadline: Deadline;
  /** Everything that was sent, with members that are not named here: the body, or the query. */
  sent: Record<string, unknown>;
  request: Request;
}

/** The URLs hold a credential: they are for this call alone, and for nobody else. */
export interface CallbackTarget {
  url: string;
  heartbeatUrl: string;
}

const MAX_KEY_LENGTH = 512;

const id = z.string().nullish().transform((value) => value ?? null);
const record = z.record(z.string(), z.unknown()).nullish().transform((value) => value ?? {});

const body = z.looseObject({
  workflow_run_id: id,
  workflow_key: id,
  step_id: id,
  user_id: id,
  intent_id: id,
  attempt: z.int().min(1).nullish(),
  payload: record,
  inputs: record,
});

/**
 * Reads a call; throws OrchestratorError `invalid` or `payload_too_large`, or what `checkSent` throws,
 * which gets the body's text before anything is made of it.
 */
export async function readAgentCall(
  request: Request,
  maxBytes: number,
  checkSent?: (url: URL, body: string) => Promise<void>,
): Promise<AgentCall> {
  const isRead = request.method === "GET" || request.method === "HEAD";
  const url = new URL(request.url);
  const text = isRead ? "" : await readText(request, maxBytes);
  await checkSent?.(url, text);
  const sent = isRead ? Object.fromEntries(url.searchParams) : checkInput(
    parseJson(text),
    z.record(z.string(), z.unknown()).default({}),
    "body",
  );
  const unstorable = findUnstorable(sent);
  if (unstorable !== null) {
    throw new OrchestratorError(
      "invalid",
      `reading the body: it ${unstorable}`,
    );
  }
  const { attempt, ...members } = isRead
    ? checkInput(
      { ...sent, payload: {}, inputs: {}, attempt: null },
      body,
      "query",
    )
    : checkInput(sent, body, "body");
  return {
    workflow_run_id: members.workflow_run_id,
    workflow_key: members.workflow_key,
    step_id: members.step_id,
    user_id: members.user_id,
    intent_id: members.intent_id,
    attempt: attempt ?? readAttempt(request),
    payload: members.payload,
    inputs: members.inputs,
    idempotency_key: readIdempotencyKey(request),
    item_index: readItemIndex(request),
    callback: readCallback(request),
    deadline: createDeadline(request),
    sent,
    request,
  };
}

function readAttempt(request: Request): number {
  const attempt = Number(request.headers.get("x-attempt") ?? 1);
  return Number.isInteger(attempt) && attempt >= 1 ? attempt : 1;
}

function readItemIndex(request: Request): number | null {
  const text = request.headers.get("x-item-index") ?? "";
  return /^\d{1,9}$/.test(text) ? Number(text) : null;
}

function readCallback(request: Request): CallbackTarget | null {
  const url = request.headers.get("x-callback-url");
  const heartbeatUrl = request.headers.get("x-callback-heartbeat-url");
  if (url === null || heartbeatUrl === null) return null;
  return URL.canParse(url) && URL.canParse(heartbeatUrl) ? { url, heartbeatUrl } : null;
}

function readIdempotencyKey(request: Request): string | null {
  const own = request.headers.get("x-idempotency-key")?.trim() ?? "";
  const common = request.headers.get("idempotency-key")?.trim() ?? "";
  if (own !== "" && common !== "" && own !== common) {
    throw new OrchestratorError(
      "invalid",
      "reading the headers: X-Idempotency-Key and Idempotency-Key differ",
    );
  }
  const key = own === "" ? common : own;
  if (key.length > MAX_KEY_LENGTH) {
    throw new OrchestratorError(
      "invalid",
      `reading the headers: the idempotency key is longer than ${MAX_KEY_LENGTH} characters`,
    );
  }
  return key === "" ? null : key;
}
