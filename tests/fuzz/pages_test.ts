// Whatever a list is narrowed down by and however large its pages are: going from page to page shows every row
// that the filter matches once, newest first.
import assert from "node:assert/strict";
import fc from "fast-check";
import { draw } from "../harness/fuzz.ts";
import { type Json, openHttpStack } from "../http/http_stack.ts";

const it = await openHttpStack();
Deno.test.afterAll(() => it.stop());

const USERS = ["ada", "bob", "%", "a_b", "ada\\", "é ü", "a:b"];
const ROWS = 60;

/** Bounds a list that never ends. */
const MOST_PAGES = 200;

const request = (at: number) => ({
  user_id: USERS[at % USERS.length],
  workflow_key: at % 3 === 0 ? "weekly_seed_v1" : "daily_instructor_v1",
  payload: { at, words: at % 2 === 0 ? "50% off_" : "plain" },
});
await it.ask("POST", "/orchestrator/dispatch", {
  body: Array.from(
    { length: ROWS },
    (_, at) => ({ ...request(at), run_at: "2100-01-01T00:00:00Z" }),
  ),
});
const runs = (await it.ask("GET", "/orchestrator/runs?limit=200")).body.runs as Json[];
for (const { workflow_run_id } of runs.filter((_, at) => at % 4 === 0)) {
  await it.ask("POST", `/orchestrator/runs/${workflow_run_id}/cancel`);
}

const filters = fc.record({
  status: fc.constantFrom("running", "cancelled", "success", "queued", "waiting"),
  workflow_key: fc.constantFrom("weekly_seed_v1", "daily_instructor_v1", "none"),
  user_id: fc.constantFrom(...USERS),
  text: fc.oneof(
    fc.constantFrom("%", "_", "\\", "50% o", "a", "é", "'"),
    fc.string({ maxLength: 3, minLength: 1 }),
  ),
}, { requiredKeys: [] });

/** All rows of a list, page by page; null where the filter is none of this list. */
async function walk(
  list: "runs" | "jobs",
  filter: Record<string, string>,
  limit: number,
): Promise<number[] | null> {
  const id = list === "runs" ? "workflow_run_id" : "job_id";
  const seen: number[] = [];
  let before: unknown = null;
  for (let page = 0; page < MOST_PAGES; page++) {
    const query = new URLSearchParams({ ...filter, limit: String(limit) });
    if (before !== null) query.set("before", String(before));
    const { status, body } = await it.ask("GET", `/orchestrator/${list}?${query}`);
    if (status === 400) return null;
    assert.equal(status, 200);
    const rows = body[list] as Json[];
    assert.ok(rows.length <= limit);
    seen.push(...rows.map((row) => row[id] as number));
    before = body.next_before;
    if (before === null) return seen;
  }
  throw new Error(`${MOST_PAGES} pages, and no end`);
}

for (const list of ["runs", "jobs"] as const) {
  Deno.test(`the pages of ${list} show every row that a filter matches once, newest first`, () =>
    fc.assert(
      fc.asyncProperty(filters, fc.integer({ min: 7, max: 60 }), async (filter, limit) => {
        const whole = await walk(list, filter, 200);
        const paged = await walk(list, filter, limit);
        assert.deepEqual(paged, whole);
        if (whole === null) return;
        assert.equal(new Set(whole).size, whole.length);
        assert.deepEqual(whole, whole.toSorted((a, b) => a < b ? 1 : -1));
      }),
      draw(20),
    ));
}
