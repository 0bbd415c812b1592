// The YAML files of workflows and templates, as zod schemas: the source of the checks, of the types
// and of the JSON Schemas that editors use. The descriptions are the editors' hover texts.
import { z } from "zod";
import { DURATION_PATTERN, MAX_DURATION_MS, parseDuration } from "./duration.ts";
import { SETTINGS } from "./settings.ts";

/** Most steps of one workflow, those of its templates included. */
export const MAX_STEPS = 5_000;

/** Longest step call in milliseconds: a hosted function is cut off at 150 s, less its overhead. */
export const MAX_STEP_TIMEOUT_MS = 145_000;

/** Most items of one fan-out. */
export const MAX_ITEMS = 10_000;

/** Longest backoff in milliseconds. */
export const MAX_BACKOFF_MS = 86_400_000;

/** Keys and step ids: they stand in URLs, idempotency keys and log lines. */
export const NAME_PATTERN = /^[a-z][a-z0-9_-]{0,62}$/;

const EVENT_TYPE_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$/;

/** A bucket's name, with the placeholders that the database fills in. */
const RATE_LIMIT_PATTERN = /^(?=.{1,200}$)([A-Za-z0-9_.:%-]|\{user_id\}|\{agent\})+$/;

export const TRIGGER_TYPES = ["cron", "event", "cron_or_event", "manual"] as const;
export const CATCH_UP_POLICIES = ["none", "last", "all"] as const;
export const STEP_METHODS = ["GET", "POST"] as const;
export const STEP_MODES = ["sync", "async"] as const;
export const JOIN_RULES = ["all_success", "none_failed", "any_success", "all_done"] as const;
export const ITEMS_RULES = ["all", "any"] as const;
export const CONFLICT_POLICIES = ["queue", "skip", "replace", "cancel_new"] as const;
export const RETRY_CLASSES = [
  "network",
  "timeout",
  "rate_limited",
  "http_5xx",
  "http_4xx",
  "agent_error",
  "invalid_response",
] as const;

export type TriggerType = (typeof TRIGGER_TYPES)[number];
export type CatchUp = (typeof CATCH_UP_POLICIES)[number];
export type StepMethod = (typeof STEP_METHODS)[number];

/** What a step does: it has exactly one of these keys. */
export const STEP_ACTIONS = ["call", "workflow", "wait", "sleep", "use"] as const;

export type StepAction = (typeof STEP_ACTIONS)[number];

/**
 * What a value of a schema must be, in words, where zod's own say too little. `always`: also where
 * the value is of another type, such as a number for a duration.
 */
export const EXPECTATIONS = z.registry<{ words: string; always?: boolean }>();

const stepTimeoutMs = readDefault("step_timeout_ms");
const maxAttempts = readDefault("max_attempts");

function readDefault(name: (typeof SETTINGS)[number]["name"]): number {
  return Number(SETTINGS.find((spec) => spec.name === name)!.default);
}

function text(description: string, words: string, pattern: RegExp, always = false) {
  return z.string().regex(pattern).describe(description).register(EXPECTATIONS, { words, always });
}

function name(description: string) {
  return text(description, "a lower-case letter, then up to 62 of a-z, 0-9, _ and -", NAME_PATTERN);
}

function eventType(description: string) {
  return text(
    description,
    "a letter or digit, then up to 127 of letters, digits, _ . : and -",
    EVENT_TYPE_PATTERN,
  );
}

/** The unit is required: a bare number would be seconds to some and milliseconds to others. */
function duration(description: string, maxMs = MAX_DURATION_MS) {
  const bound = maxMs === MAX_DURATION_MS ? "365d" : `${maxMs / 3_600_000}h`;
  return z.string()
    .regex(DURATION_PATTERN, { abort: true })
    .refine((value) => {
      const ms = parseDuration(value);
      return ms !== null && ms >= 1 && ms <= maxMs;
    }, { error: `a duration from 1ms to ${bound}` })
    .describe(`${description} A duration such as 500ms, 30s, 10m, 2h, 7d or 1h30m.`)
    .register(EXPECTATIONS, { words: "a duration such as 30s, 10m or 1h30m", always: true });
}

function expression(description: string) {
  return z.string().min(1).describe(`${description} A CEL expression, without \${{ }}.`);
}

const retryFile = z.strictObject({
  max_attempts: z.int().min(1).max(100).optional().describe(
    `Attempts before the step is dead; ${maxAttempts} by default.`,
  ),
  on: z.array(z.enum(RETRY_CLASSES)).optional().meta({
    description: "Error classes that are tried again, exactly these: what is not listed ends the " +
      "step at once. Without it the agent contract decides.",
    uniqueItems: true,
  }),
  initial: duration(
    "Upper bound of the first wait between two attempts; it doubles with every attempt.",
    MAX_BACKOFF_MS,
  ).optional(),
  max: duration("Cap of the wait between two attempts.", MAX_BACKOFF_MS).optional(),
  jitter: z.enum(["full", "none"]).optional().describe(
    "`full` (default) waits a random part of the backoff, so that many steps do not call at the " +
      "same moment; `none` waits all of it.",
  ),
}).describe("When and how often a failed attempt is made again.").meta({ id: "retry" });

const callTarget = z.string().min(1).max(2_048).describe(
  "The agent's endpoint: a path of this project such as /functions/v1/agent-proxy/notify, or " +
    "an https:// URL whose host is in the setting allowed_agent_hosts.",
);

const method = z.enum(STEP_METHODS).optional().describe(
  "HTTP method of the call; POST by default.",
);

const timeoutMs = z.int().min(1).max(MAX_STEP_TIMEOUT_MS).optional().describe(
  `Time for one attempt in milliseconds; ${stepTimeoutMs} by default.`,
);

const values = z.union([z.record(z.string(), z.unknown()), z.string()]);

const compensateFile = z.strictObject({
  call: callTarget,
  method,
  timeout_ms: timeoutMs,
  with: values.optional().describe(
    "What the agent gets as inputs; without it the output of the step that is undone. " +
      "Texts may hold ${{ }} with inputs, event, run, this step's output and its dependencies.",
  ),
  retry: retryFile.optional(),
}).describe(
  "The call that undoes this step: made when the run has failed and the step had succeeded, the " +
    "newest success first.",
);

const waitFile = z.strictObject({
  event: eventType("Type of the intent_events row that ends the wait."),
  match: expression(
    "Which of these events: `event` is the candidate (event.payload, event.user_id). " +
      "Without it the first one. Events since the start of the run count.",
  ).optional(),
  timeout: duration("How long to wait at most; without it as long as the run lives.").optional(),
  on_timeout: z.enum(["fail", "continue"]).optional().describe(
    "What happens when the time is over: the step fails (default), or succeeds with the output null.",
  ),
}).describe("Waits for an event, such as a person's approval; the event is the output.");

const joinFile = z.union([
  z.enum(JOIN_RULES),
  z.strictObject({
    at_least: z.int().min(1).max(MAX_STEPS).describe(
      "As soon as this many dependencies succeeded, whatever becomes of the others.",
    ),
  }),
]).describe(
  "When the step runs. By default: all dependencies have ended, none failed, at least one " +
    "succeeded. all_success: all succeeded. none_failed: all have ended, none failed. any_success: " +
    "as soon as one succeeded. {at_least: n}: as soon as n succeeded. all_done: all have ended, " +
    "whatever became of them.",
);

const successFile = z.union([
  z.enum(ITEMS_RULES),
  z.strictObject({
    at_least: z.int().min(1).max(MAX_ITEMS).optional().describe(
      "This many items must succeed; all of them where there are fewer.",
    ),
    percent: z.number().min(0).max(100).optional().describe(
      "This share of the items must succeed, rounded up.",
    ),
  }).meta({ minProperties: 1, maxProperties: 1 }),
]).describe(
  "When a fan-out succeeds: all items (default), any one of them, {at_least: n} or {percent: p}.",
);

const stepFile = z.strictObject({
  id: name("Name of the step, unique in this file."),
  call: callTarget.optional(),
  method,
  timeout_ms: timeoutMs,
  mode: z.enum(STEP_MODES).optional().describe(
    "`async`: the agent answers 202 and calls back later, for work longer than a call may last; " +
      "`sync` (default): the answer of the call is the result.",
  ),
  callback_timeout: duration(
    "How long to wait for the callback (mode: async); the setting callback_timeout_ms by default.",
  ).optional(),
  heartbeat: duration(
    "Longest silence between two signs of life from the agent while it works (mode: async).",
  ).optional(),
  queue_timeout: duration(
    "Longest time from ready to being called; a step that waited longer fails.",
  ).optional(),
  depends_on: z.array(z.string()).optional().meta({
    description:
      "Ids of the steps that must end before this one starts; without `with` their outputs are its " +
      "inputs.",
    uniqueItems: true,
  }),
  join: joinFile.optional(),
  if: expression(
    "Runs the step only if this is true, else it is skipped. Names: inputs, event, run and " +
      "steps.<id>.output or .status of the steps that it depends on.",
  ).optional(),
  else_of: z.string().optional().describe(
    "Id of a step with `if`: this one runs when that condition was false. It takes over that " +
      "step's dependencies and need not name them.",
  ),
  for_each: expression(
    "Runs the step once for every item of this list (10,000 at most). The output is the list of the " +
      "items' outputs.",
  ).optional(),
  max_concurrency: z.int().min(1).max(MAX_ITEMS).optional().describe(
    "Items that run at the same time; all by default.",
  ),
  success: successFile.optional(),
  with: values.optional().describe(
    "What the agent gets as inputs, what a sub-workflow gets as payload, or a template's " +
      "arguments. Texts may hold ${{ expression }}; a text that is exactly one keeps its type.",
  ),
  rate_limit: text(
    "Name of a rate limit policy's bucket, instead of user:{user_id}:agent:{agent}; may hold " +
      "{user_id} and {agent}.",
    "a bucket's name of letters, digits, _ . : % and -, with {user_id} and {agent} at most",
    RATE_LIMIT_PATTERN,
  ).optional(),
  retry: retryFile.optional(),
  continue_on_error: z.boolean().optional().describe(
    "If true, steps behind this one run although it failed, and the run does not fail by it.",
  ),
  compensate: compensateFile.optional(),
  sleep: duration("Waits this long.").optional(),
  wait: waitFile.optional(),
  workflow: name(
    "Key of a workflow that runs as this step; the outputs of its last steps are the output.",
  )
    .optional(),
  use: name("Name of a template in workflows/templates/; its steps take this step's place.")
    .optional(),
  may_append: z.boolean().optional().describe(
    "If true, the agent's answer may hold `steps` that are added to the run.",
  ),
}).describe(
  "One step: exactly one of call (an agent), workflow, wait, sleep or use (a template).",
).meta({
  id: "step",
  // For editors only; the compiler says it better (check_actions.ts).
  oneOf: STEP_ACTIONS.map((action) => ({ required: [action] })),
});

/** A JSON Schema; its keywords are checked in `_shared/workflow/input_schema.ts`. */
const inputsFile = z.record(z.string(), z.unknown());

const triggerFile = z.strictObject({
  type: z.enum(TRIGGER_TYPES).describe(
    "What starts a run: a schedule, an event, either of them, or only a call of dispatch.",
  ),
  event_types: z.array(eventType("Type of an intent_events row.")).min(1).optional().meta({
    description: "Types of intent_events rows that start a run (type event or cron_or_event).",
    uniqueItems: true,
  }),
  cron: z.string().min(1).max(256).optional().describe(
    "Schedule in five fields: minute, hour, day of month, month, day of week (names such as SUN " +
      "are allowed).",
  ),
  timezone: z.string().min(1).max(64).optional().describe(
    "IANA time zone of the schedule, such as Europe/Berlin; `user` means each subscriber's own. " +
      "UTC by default.",
  ),
  catch_up: z.enum(CATCH_UP_POLICIES).optional().describe(
    "Which slots that an outage missed still fire: none (default), the last one, or all.",
  ),
  if: expression(
    "Whether a run goes on: if false it is skipped as a whole. Holds for every way of starting. " +
      "Name: event (event.type, event.payload).",
  ).optional(),
  inputs: z.record(z.string(), z.unknown()).optional().describe(
    "The run's inputs, made of the event; without it they are the payload. Texts may hold ${{ }} " +
      "with event.",
  ),
}).describe("What starts a run of this workflow.");

const concurrencyFile = z.strictObject({
  key: expression("Runs with the same value of this count together. Names: inputs, event."),
  max: z.int().min(1).max(10_000).optional().describe(
    "Runs with the same key that go on at the same time; 1 by default.",
  ),
  on_conflict: z.enum(CONFLICT_POLICIES).optional().describe(
    "What becomes of a run without a place: queue (default) waits, skip ends it as skipped, " +
      "cancel_new ends it as cancelled, replace cancels the oldest one that is going on.",
  ),
}).describe("How many runs with the same key go on at the same time.");

/** The workflow's file. Rules that one value cannot show are in `_shared/workflow/check_*.ts`. */
export const workflowFile = z.strictObject({
  key: name("Name of the workflow; dispatch and the file's name use it."),
  description: z.string().max(2_000).optional().describe("One or two sentences for people."),
  inputs: inputsFile.optional().describe(
    "JSON Schema of what a run is started with (type: object); forms are drawn from it. Defaults " +
      "of its properties are filled in.",
  ),
  trigger: triggerFile,
  public: z.boolean().optional().describe(
    "If true, holders of a trigger key that names the workflow may start it from outside. It needs " +
      "`inputs`: what they send is checked before anything starts.",
  ),
  concurrency: concurrencyFile.optional(),
  timeout: duration("Longest time for the whole run; without it there is no limit.").optional(),
  defaults: z.strictObject({
    retry: retryFile.optional(),
    timeout_ms: timeoutMs,
  }).optional().describe("What holds for every step that says nothing else."),
  steps: z.array(stepFile).min(1).max(MAX_STEPS).describe(
    "The steps in any order; depends_on decides which run at the same time.",
  ),
  on_failure: z.array(stepFile).min(1).max(MAX_STEPS).optional().describe(
    "Steps that run once when the run has failed and nothing of it is left to do. They depend on " +
      "each other only, and may read every step and run.failed_steps.",
  ),
}).describe("A workflow: what starts it and the steps of a run.");

/** A template's file: steps that other workflows use by its name. */
export const templateFile = z.strictObject({
  template: name("Name of the template; the file's name is the same."),
  description: z.string().max(2_000).optional().describe("One or two sentences for people."),
  inputs: inputsFile.optional().describe(
    "JSON Schema of the arguments (type: object): what `with` of the using step must give. Named " +
      "inputs in the steps below.",
  ),
  steps: z.array(stepFile).min(1).max(MAX_STEPS).describe(
    "The steps; exactly one of them has no other depending on it: its output is the using step's.",
  ),
}).describe("A template: steps that take the place of a step with `use`.");

/** Steps that are appended to a live run. */
export const MAX_APPENDED_STEPS = 50;

export const appendedSteps = z.strictObject({
  steps: z.array(stepFile).min(1).max(MAX_APPENDED_STEPS),
});

export type WorkflowFile = z.infer<typeof workflowFile>;
export type TemplateFile = z.infer<typeof templateFile>;
export type StepFile = z.infer<typeof stepFile>;
export type RetryFile = z.infer<typeof retryFile>;
export type TriggerFile = z.infer<typeof triggerFile>;
