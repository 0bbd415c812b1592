// The plan of the step that starts a run: whether it goes on at all, what its inputs are, and whether
// it has a place among the runs with the same key. Serves stage 5.
import type { Json, LeasedJob } from "../database/rows.ts";
import { writeJson } from "../outputs/json_text.ts";
import { validateInputs } from "../workflow/inputs.ts";
import type { Attempt } from "./drain_seam.ts";
import { die, PlanEnd } from "./plan_end.ts";
import { listProblems } from "./problem_text.ts";
import type { Scope } from "./scope.ts";

/** Longest concurrency key, as JSON text. */
const KEY_MAX_CHARS = 500;

/** Evaluates the trigger's rules; the same however the run came about. */
export async function planStart(job: LeasedJob, scope: Scope): Promise<Attempt> {
  const { parked, config: { start = {} } } = job;
  if (parked?.for === "slot" && parked.granted) return { outcome: "success", output: null };
  if (start.if !== undefined) {
    const result = await scope.test("trigger.if", start.if);
    const condition = { expression: start.if, result };
    if (!result) return { outcome: "skip_run", skip_reason: "condition", condition };
    return { ...await admit(job, scope), condition };
  }
  return await admit(job, scope);
}

async function admit(job: LeasedJob, scope: Scope): Promise<Attempt> {
  const { concurrency, schema, inputs: template } = job.config.start ?? {};
  const inputs = await readInputs(job, scope);
  // Without a rule for them the payload stands in, and need not be stored twice.
  const runInputs = schema === undefined && template === undefined ? {} : { run_inputs: inputs };
  if (concurrency === undefined) return { outcome: "success", output: null, ...runInputs };
  const { key: source, max, on_conflict } = concurrency;
  const key = writeJson(await scope.evaluate("concurrency.key", source, { inputs }));
  if (key.length > KEY_MAX_CHARS) {
    const text = `concurrency.key must have at most ${KEY_MAX_CHARS} characters, got ${key.length}`;
    return die("validation", `${text}, in ${source}`);
  }
  return {
    outcome: "park",
    parked: { for: "slot" },
    concurrency: { key, max, on_conflict },
    ...runInputs,
  };
}

async function readInputs({ run_payload, config }: LeasedJob, scope: Scope): Promise<unknown> {
  const { inputs: template, schema } = config.start ?? {};
  const given = template === undefined
    ? run_payload ?? {}
    : await scope.fill("trigger.inputs", template);
  if (schema === undefined) return given;
  const checked = validateInputs(schema, given as Json);
  if (checked.ok) return checked.value;
  const text = `the run's inputs do not fit: ${listProblems(checked.problems)}`;
  throw new PlanEnd(die("validation", text));
}
