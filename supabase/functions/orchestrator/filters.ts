// What lists and bulk actions are narrowed down by: the same fields in a query and in a body.
import { z } from "zod";
import { ERROR_CLASSES, JOB_STATUSES, RUN_STATUSES } from "../_shared/contract/statuses.ts";
import { text, userId, workflowKey } from "./fields.ts";

const searched = text(200).optional();
const instant = z.iso.datetime({
  offset: true,
  error: "must be a time such as 2026-12-01T07:00:00Z",
});

export const runFilter = {
  workflow_key: workflowKey.optional(),
  status: z.enum(RUN_STATUSES).optional(),
  user_id: userId.optional(),
  intent_id: text(200).optional(),
  from: instant.optional(),
  to: instant.optional(),
  text: searched,
};

export const jobFilter = {
  status: z.enum(JOB_STATUSES).optional(),
  workflow_key: workflowKey.optional(),
  user_id: userId.optional(),
  error_class: z.enum(ERROR_CLASSES).optional(),
  text: searched,
};

/** Dead letters alone are replayed in bulk. */
export const deadFilter = {
  status: z.literal("dead", { error: "must be dead: only dead letters are replayed in bulk" }),
  workflow_key: jobFilter.workflow_key,
  user_id: jobFilter.user_id,
  error_class: jobFilter.error_class,
  text: searched,
};
