// How every refusal looks: problem details with what is wrong, field by field.
import { z } from "zod";
import { type ErrorKind, HTTP_STATUS_OF_KIND } from "../errors.ts";

const kinds = Object.keys(HTTP_STATUS_OF_KIND) as ErrorKind[];

export const problem = z.object({
  path: z.string().optional().describe("Of the field, such as steps[2].depends_on."),
  message: z.string().describe("What was expected."),
  file: z.string().optional(),
  line: z.int().optional().describe("From 1; of a text."),
  column: z.int().optional().describe("From 1; of a text."),
  near: z.array(z.string()).optional().describe("Names that may have been meant."),
}).meta({
  id: "Problem",
  description: "One finding about the input: where it is, and what was expected.",
});

export const problemDetails = z.object({
  type: z.literal("about:blank"),
  title: z.string(),
  status: z.int(),
  detail: z.string().describe("What failed, with the value, and what to do."),
  // 405 is no error kind: only a router can know it.
  kind: z.enum([...kinds, "method_not_allowed"]).describe("What nature the error is of."),
  problems: z.array(problem).optional(),
  retry_after_ms: z.int().optional().describe("When to try again; as the header Retry-After."),
  request_id: z.string().optional().describe("The log has it, and the header X-Request-Id."),
}).meta({
  id: "ProblemDetails",
  description: "https://www.rfc-editor.org/rfc/rfc9457, with members of our own.",
});

/** One finding about input: where it is (path; file, line and column from 1) and what was expected. */
export type Problem = z.infer<typeof problem>;

/** https://www.rfc-editor.org/rfc/rfc9457; `kind`, `problems` and the rest are extension members. */
export type ProblemDetails = z.infer<typeof problemDetails>;
