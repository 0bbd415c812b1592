// The fields that several routes take, each with its rule in one place.
import { z } from "zod";
import { OrchestratorError } from "../_shared/contract/errors.ts";
import { findUnstorable } from "../_shared/database/storable.ts";
import { text } from "../_shared/database/storable_text.ts";

export { text };

/** Any text: apps bring ids of their own, not only UUIDs. */
export const userId = text(200);
export const intentId = text(200).nullable().optional();
export const idempotencyKey = text(255).nullable().optional();
export const workflowKey = text(200);
/** Steps of a template have ids such as `tell.send`, so this is no place for the pattern of a file. */
export const stepId = text(200);
export const reason = text(2_000).nullable().optional();
/** Who decided, in the words of whoever calls: the service key is the same for all people. */
export const actor = text(200).nullable().optional();

/** A list of what a jsonb column can hold, whatever it is. */
export const values = z.array(z.unknown()).min(1).superRefine(
  (value, context) => {
    const fault = findUnstorable(value);
    if (fault !== null) {
      context.addIssue({ code: "custom", message: `the list ${fault}` });
    }
  },
);

/** A JSON object that a jsonb column can hold. Not z.record: that drops a member `__proto__`. */
export const payload = z.custom<Record<string, unknown>>(isObject, {
  error: "must be a JSON object",
  // The look at its inside would fail on anything else.
  abort: true,
}).superRefine((value, context) => {
  const fault = findUnstorable(value);
  if (fault !== null) {
    context.addIssue({ code: "custom", message: `the payload ${fault}` });
  }
}).meta({ type: "object" }).optional();

const pageSize = z.coerce.number().int().min(1).max(200).default(50);
/** A whole number in a path or a query. */
export const numeral = z.string().regex(/^\d{1,15}$/, "must be a whole number")
  .transform(Number);
/** As `numeral`, of an integer column. */
export const version = z.string().regex(/^\d{1,9}$/, "must be a whole number below 1,000,000,000")
  .transform(Number);

export const runId = z.guid("must be a run id");
/** In a body; in a path or a query it is a numeral. */
export const jobId = z.int().min(0);

/** The query of a list of runs. */
export const runPage = { limit: pageSize, before: runId.optional() };
/** The query of a list of jobs. */
export const jobPage = { limit: pageSize, before: numeral.optional() };
/** The query of the audit log. */
export const auditPage = { limit: pageSize, before: numeral.optional() };
/** The query of a list of deliveries. */
export const deliveryPage = {
  limit: pageSize,
  before: z.guid("must be a delivery's id").optional(),
};
/** The query of a list of schedules. */
export const schedulePage = { limit: pageSize, after: numeral.optional() };
/** The query of a list of rate limit buckets, by their keys. */
export const bucketPage = { limit: pageSize, after: text(1_000).optional() };
/** The query of a list of items, in their order. */
export const itemPage = {
  limit: pageSize,
  after: z.string().regex(/^\d{1,9}$/, "must be the item_index of an item")
    .transform(Number)
    .optional(),
};

/** A run's id from the path; throws `invalid` for anything but a UUID. */
export function readRunId(param: string): string {
  return readParam(runId, param, "id", "a run's id is a UUID").toLowerCase();
}

/** A job's id from the path; throws `invalid` for anything but a whole number. */
export function readJobId(param: string): number {
  return readParam(numeral, param, "id", "a job's id is a whole number");
}

/** A schedule's id from the path; throws `invalid` for anything but a whole number. */
export function readScheduleId(param: string): number {
  return readParam(numeral, param, "id", "a schedule's id is a whole number");
}

/** A workflow's version from the path; throws `invalid` for anything but a whole number. */
export function readVersion(param: string): number {
  return readParam(version, param, "version", "a version is a whole number below 1,000,000,000");
}

/** A step's id from the path; throws `invalid` for what cannot be one. */
export function readStepId(param: string): string {
  return readParam(stepId, param, "step", `a step's id ${NAME_RULE}`);
}

/** A workflow's key from the path; throws `invalid` for what cannot be one. */
export function readWorkflowKey(param: string): string {
  return readParam(workflowKey, param, "key", `a workflow's key ${NAME_RULE}`);
}

/** An alert rule's name from the path; throws `invalid` for what cannot be one. */
export function readRuleName(param: string): string {
  return readParam(text(200), param, "name", `an alert rule's name ${NAME_RULE}`);
}

const NAME_RULE = "has 1 to 200 characters, none of them \\u0000";

function readParam<T>(schema: z.ZodType<T>, param: string, path: string, rule: string): T {
  const parsed = schema.safeParse(param);
  if (parsed.success) return parsed.data;
  throw refuseParam(path, `${rule}, got ${quote(param)}`);
}

function quote(param: string): string {
  return JSON.stringify(param.slice(0, 100));
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refuseParam(path: string, message: string): OrchestratorError {
  return new OrchestratorError("invalid", `reading the path: ${message}`, {
    problems: [{ path, message }],
  });
}
