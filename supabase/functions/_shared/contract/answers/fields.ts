// Fields that several answers have, each described once.
import { z } from "zod";
import { ERROR_CLASSES, JOB_STATUSES, RUN_STATUSES } from "../statuses.ts";

export const instant = z.iso.datetime({ offset: true });
export const jobStatus = z.enum(JOB_STATUSES);
export const runStatus = z.enum(RUN_STATUSES);
export const errorClass = z.enum(ERROR_CLASSES);
/** Some JSON object. */
export const json = z.record(z.string(), z.unknown());
export const workflowRunId = z.guid();
export const nextBefore = "The `before` of the next page; null: this is the last one.";
