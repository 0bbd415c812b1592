// GET /openapi.json: the document, built from the entries and the schemas that the routes use. Nothing
// else imports this, so that an isolate that is not asked for it never loads it.
import { problemDetails } from "../../_shared/contract/answers/problem_details.ts";
import { VERSION } from "../../_shared/contract/version.ts";
import { findLevel } from "../../_shared/http/access.ts";
import { ROUTE_ACCESS } from "../routes/access.ts";
import { writeSchemaBook } from "./convert_schema.ts";
import { ROUTE_ENTRIES } from "./entries/all.ts";
import { TAGS } from "./entry.ts";
import { describeOperation, listSchemas } from "./operation.ts";
import { describeCommonResponses } from "./problem_responses.ts";
import { SECURITY_SCHEMES } from "./security.ts";

const DESCRIPTION = `
Starts workflows, shows what became of their runs, and lets people and agents act on them.

Bodies and answers are JSON. Fields that are not listed here are refused, and so are parameters of queries
where a list is asked for; answers may have more fields. Errors are problem details (RFC 9457): \`kind\` says what nature they are of, \`problems\` name
the fields, and \`request_id\` is in the log. Every answer has the header \`X-Request-Id\`, which is the caller's
own if it sent one. Times are ISO 8601 with a zone, spans end in \`_ms\` or \`_seconds\`. Ids of jobs and
schedules are whole numbers, those of runs UUIDs that are ordered by time.

Pages are read by their cursors: send \`next_before\` as \`before\` (or \`next_after\` as \`after\`) until it is null.

Beside this function there is \`/functions/v1/cron-orchestrator\`, which pg_cron's tick calls when there is
something to do. \`POST\` to it, whatever the path and the body, publishes workflow files that have changed, fires
the schedules that are due, and removes outputs that no job has any more. It takes a service key and answers 200
with counts, or problem details if a part of it failed; the other parts are done all the same.
`.trim();

/** The document as text. Pure: the same for every project. */
export function writeDocument(): string {
  const entries = Object.entries(ROUTE_ENTRIES);
  const book = writeSchemaBook([
    problemDetails,
    ...entries.flatMap(([, entry]) => listSchemas(entry)),
  ]);
  const securitySchemes = { ...SECURITY_SCHEMES };
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [route, entry] of entries) {
    const [method, path] = route.split(" ");
    const level = findLevel({ method, path }, ROUTE_ACCESS);
    Object.assign(securitySchemes, entry.credential);
    const place = paths[path.replaceAll(/:(\w+)/g, "{$1}")] ??= {};
    place[method.toLowerCase()] = describeOperation(entry, level, book);
  }
  const responses = describeCommonResponses(book);
  return JSON.stringify({
    openapi: "3.1.1",
    info: {
      title: "Wisely Orchestrator",
      version: VERSION,
      description: DESCRIPTION,
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{
      url: "/functions/v1/orchestrator",
      description: "On the project's own origin, such as https://<ref>.supabase.co.",
    }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: book.components,
      responses,
      headers: {
        RetryAfter: {
          description: "Seconds after which to try again.",
          schema: { type: "integer" },
        },
      },
      securitySchemes,
    },
  });
}
