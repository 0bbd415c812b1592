// Who acts, what actions on many answer, and what is kept of all of them.
import { z } from "zod";
import { OPERATOR_ROLES } from "../dashboard.ts";
import { instant, json, workflowRunId } from "./fields.ts";

/** GET /me */
export const me = z.object({
  user_id: z.string(),
  email: z.string(),
  role: z.enum(OPERATOR_ROLES).describe("A viewer looks; an operator also acts."),
}).meta({ id: "Me" });

/** POST /runs/bulk and /jobs/bulk: one page; call again with next_cursor until that is null. */
function describeBulk<Id extends z.ZodType>(id: Id) {
  return z.object({
    changed: z.int(),
    refused: z.array(z.object({ id, reason: z.string() })),
    next_cursor: id.nullable().describe("The `cursor` of the next call; null: all are done."),
  });
}

export const bulkRuns = describeBulk(workflowRunId).meta({ id: "BulkRuns" });
export const bulkJobs = describeBulk(z.int()).meta({ id: "BulkJobs" });

export const auditRow = z.object({
  audit_id: z.int(),
  at: instant,
  actor_kind: z.enum(["operator", "service"]),
  actor_id: z.string().nullable().describe("The user's id, or the secret key's name."),
  actor_name: z.string().nullable().describe("Their e-mail address, as it was."),
  action: z.string().describe("run.cancel, job.retry and so on."),
  target: z.string(),
  args: json.describe("What was asked, without payloads."),
  before: json.nullable(),
  after: json.nullable(),
  result: z.string(),
}).meta({ id: "AuditRow" });

/** GET /audit?action=&actor=&target=&limit=&before= */
export const auditPage = z.object({
  rows: z.array(auditRow),
  next_before: z.int().nullable(),
}).meta({ id: "AuditPage" });

export type Me = z.infer<typeof me>;
export type BulkAnswer<Id = string> = z.infer<ReturnType<typeof describeBulk<z.ZodType<Id>>>>;
export type AuditRow = z.infer<typeof auditRow>;
export type AuditPage = z.infer<typeof auditPage>;
