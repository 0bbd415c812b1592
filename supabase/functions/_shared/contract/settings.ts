// Every default, limit and timeout of the orchestrator, once. The README's table and .env.example
// are generated from this table; a row of the settings table wins over the environment variable,
// and that over the default.
import { OrchestratorError, type Problem } from "./errors.ts";

interface NumberSpec {
  readonly name: string;
  readonly default: number;
  readonly unit:
    | "ms"
    | "bytes"
    | "days"
    | "jobs"
    | "attempts"
    | "calls"
    | "workers"
    | "streams"
    | "switch";
  readonly min: number;
  readonly max: number;
  readonly description: string;
}

interface ListSpec {
  readonly name: string;
  readonly default: readonly string[];
  readonly unit: "hosts" | "prefixes" | "origins";
  readonly description: string;
}

/** Defaults are the founding document's where it names one. All values are whole numbers. */
export const SETTINGS = [
  {
    name: "batch_size",
    default: 10,
    unit: "jobs",
    min: 1,
    max: 1000,
    description: "Jobs that a worker leases in one call.",
  },
  {
    name: "lease_ms",
    default: 30_000,
    unit: "ms",
    min: 1_000,
    max: 3_600_000,
    description: "How long a worker owns a leased job between heartbeats; a dead worker's jobs " +
      "are back in the queue after this time.",
  },
  {
    name: "heartbeat_ms",
    default: 5_000,
    unit: "ms",
    min: 50,
    // orchestrator.workers_alive() takes a worker that was not seen for 15 s for dead.
    max: 10_000,
    description: "How often a worker extends its leases; must be shorter than lease_ms.",
  },
  {
    name: "max_attempts",
    default: 5,
    unit: "attempts",
    min: 1,
    max: 100,
    description: "Attempts of a step before its job is dead.",
  },
  {
    name: "step_timeout_ms",
    default: 15_000,
    unit: "ms",
    min: 1,
    max: 145_000,
    description: "Time for one step call when the step names no timeout_ms.",
  },
  {
    name: "retry_initial_ms",
    default: 1_000,
    unit: "ms",
    min: 1,
    max: 3_600_000,
    description: "Upper bound of the first backoff; it doubles with every attempt.",
  },
  {
    name: "retry_max_ms",
    default: 60_000,
    unit: "ms",
    min: 1,
    max: 86_400_000,
    description: "Cap of the backoff; must not be below retry_initial_ms.",
  },
  {
    name: "worker_concurrency",
    default: 10,
    unit: "calls",
    min: 1,
    max: 1_000,
    description: "Step calls that one worker has in flight at once.",
  },
  {
    name: "worker_budget_ms",
    default: 100_000,
    unit: "ms",
    min: 100,
    max: 390_000,
    description: "How long a worker goes on leasing before it rings its successor.",
  },
  {
    name: "worker_wall_clock_ms",
    default: 150_000,
    unit: "ms",
    min: 100,
    max: 400_000,
    description: "The platform's limit for one invocation (150 s, or 400 s on paid plans); calls " +
      "that would outlive it are handed back. Must not be below worker_budget_ms.",
  },
  {
    name: "worker_max_calls",
    default: 1_000,
    unit: "calls",
    min: 1,
    max: 100_000,
    description: "Step calls that one worker makes before it rings its successor.",
  },
  {
    name: "worker_linger_ms",
    default: 2_000,
    unit: "ms",
    min: 0,
    max: 60_000,
    description: "How long a worker waits for new jobs after the queue is empty.",
  },
  {
    name: "worker_poll_ms",
    default: 10,
    unit: "ms",
    min: 1,
    max: 60_000,
    description: "Longest pause between two looks at the queue while a worker lingers.",
  },
  {
    name: "worker_max_workers",
    default: 4,
    unit: "workers",
    min: 1,
    max: 1_000,
    description: "Workers that may drain at the same time; further ones leave at once.",
  },
  {
    name: "output_inline_max_bytes",
    default: 262_144,
    unit: "bytes",
    min: 1_024,
    max: 262_144,
    description:
      "Largest output that the database holds; a longer one goes to the Storage bucket " +
      "of outputs.",
  },
  {
    name: "output_max_bytes",
    default: 5_242_880,
    unit: "bytes",
    min: 1,
    max: 5_242_880,
    description: "Largest answer of a step; a longer one is cut off and the job is dead.",
  },
  {
    name: "callback_timeout_ms",
    default: 86_400_000,
    unit: "ms",
    min: 1_000,
    max: 2_592_000_000,
    description:
      "How long a step with mode: async waits for its agent's callback when it names no " +
      "callback_timeout.",
  },
  {
    name: "request_max_bytes",
    default: 1_048_576,
    unit: "bytes",
    min: 1_024,
    max: 16_777_216,
    description: "Largest body that the HTTP routes accept.",
  },
  {
    name: "workflow_max_bytes",
    default: 2_097_152,
    unit: "bytes",
    min: 1_024,
    max: 2_097_152,
    description: "Largest workflow file.",
  },
  {
    name: "schedule_grace_ms",
    default: 300_000,
    unit: "ms",
    min: 0,
    max: 86_400_000,
    description: "How late a slot of a schedule with catch_up: none may fire before it counts as " +
      "missed.",
  },
  {
    name: "history_days",
    default: 30,
    unit: "days",
    min: 1,
    max: 36_500,
    description: "How long finished runs are kept, with their jobs and attempts.",
  },
  {
    name: "failed_history_days",
    default: 0,
    unit: "days",
    min: 0,
    max: 36_500,
    description: "The same for failed runs. 0: history_days.",
  },
  {
    name: "cancelled_history_days",
    default: 0,
    unit: "days",
    min: 0,
    max: 36_500,
    description: "The same for cancelled runs. 0: history_days.",
  },
  {
    name: "event_days",
    default: 0,
    unit: "days",
    min: 0,
    max: 36_500,
    description: "How long events are kept. 0: history_days.",
  },
  {
    name: "audit_days",
    default: 0,
    unit: "days",
    min: 0,
    max: 36_500,
    description: "How long audit rows are kept. 0: for ever.",
  },
  {
    name: "archive_history",
    default: 0,
    unit: "switch",
    min: 0,
    max: 1,
    description: "With 1, runs are written to the bucket workflow-archive before they are deleted.",
  },
  {
    name: "allowed_agent_hosts",
    default: [],
    unit: "hosts",
    description: "Hosts outside the project that steps may call by https:// URL, separated by " +
      "commas, with the port where it is not 443. Empty: none.",
  },
  {
    name: "token_agents",
    default: [],
    unit: "prefixes",
    description:
      "What the calls of agents begin with that take a token, signed for the one call, in the place of " +
      "the service key, such as /functions/v1/agent-proxy/, separated by commas; an https:// URL names " +
      "agents of another host. Empty: none.",
  },
  {
    name: "allowed_webhook_hosts",
    default: [],
    unit: "hosts",
    description:
      "Hosts that notifications may be sent to although they are reached by http://, by " +
      "another port than 443 and 8443, or at a private address; separated by commas, with the port " +
      "where it is not the scheme's own. Empty: none.",
  },
  {
    name: "append_call_prefixes",
    default: ["/functions/v1/"],
    unit: "prefixes",
    description:
      "What the calls of steps that are appended to a live run must begin with, separated " +
      "by commas.",
  },
  {
    name: "admin_origins",
    default: [],
    unit: "origins",
    description:
      "Origins other than the project's own whose pages may call the routes of the dashboard, " +
      "such as https://admin.example.com, separated by commas. Empty: none.",
  },
  {
    name: "progress_stream_ms",
    default: 100_000,
    unit: "ms",
    min: 1_000,
    // Hosted requests end after 150 s.
    max: 140_000,
    description:
      "How long one stream of a run's progress lives; its client then comes back by itself.",
  },
  {
    name: "progress_max_streams",
    default: 100,
    unit: "streams",
    min: 1,
    max: 1_000,
    description: "Streams of progress that one isolate serves at a time; further ones get a 429.",
  },
  {
    name: "realtime_broadcast_ms",
    default: 0,
    unit: "ms",
    min: 0,
    max: 60_000,
    description: "How often at most a worker tells Realtime which runs have moved; 0: never.",
  },
] as const satisfies readonly (NumberSpec | ListSpec)[];

type Spec = (typeof SETTINGS)[number];
type CamelCase<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : S;

export type SettingName = Spec["name"];

/** The settings as the code reads them: `lease_ms` is `settings.leaseMs`. */
export type Settings = {
  readonly [S in Spec as CamelCase<S["name"]>]: S["unit"] extends ListSpec["unit"]
    ? readonly string[]
    : number;
};

/** What the README's table and .env.example show of one setting. */
export interface SettingDescription {
  name: SettingName;
  env: string;
  default: string;
  unit: string;
  min: number | null;
  max: number | null;
  description: string;
}

/** Lists every setting for documents; `default` is written as it would stand in .env. */
export function describeSettings(): SettingDescription[] {
  return SETTINGS.map((spec) => ({
    name: spec.name,
    env: nameEnvironmentVariable(spec.name),
    default: isList(spec) ? spec.default.join(",") : String(spec.default),
    unit: spec.unit,
    min: isList(spec) ? null : spec.min,
    max: isList(spec) ? null : spec.max,
    description: spec.description,
  }));
}

/**
 * Reads all settings. `env` looks up an environment variable, `rows` are the settings table's rows
 * by name; a null row or a blank variable counts as unset. Rows with unknown names are left to
 * their owners. Throws one OrchestratorError that names every bad value and where it came from.
 */
export function readSettings(
  env: (name: string) => string | undefined,
  rows: Record<string, unknown>,
): Settings {
  const problems: Problem[] = [];
  const values: Record<string, number | readonly string[]> = {};
  for (const spec of SETTINGS) {
    const { value, source } = findValue(spec.name, env, rows);
    try {
      values[toCamelCase(spec.name)] = value === undefined
        ? spec.default
        : isList(spec)
        ? readList(value, LIST_ITEMS[spec.unit])
        : readNumber(value, spec);
    } catch (error) {
      const expected = error instanceof Error ? error.message : String(error);
      problems.push({ path: source, message: `${source} must be ${expected}` });
    }
  }
  // Every value was set above or is among the problems, in which case nothing is returned.
  const settings = values as unknown as Settings;
  if (problems.length === 0) problems.push(...findContradictions(settings));
  if (problems.length > 0) {
    const text = problems.map((problem) => problem.message).join("; ");
    throw new OrchestratorError("internal", `reading settings: ${text}`, { problems });
  }
  return settings;
}

/** The environment variable that overrides a setting. */
export function nameEnvironmentVariable(name: SettingName): string {
  return `ORCHESTRATOR_${name.toUpperCase()}`;
}

function findValue(
  name: SettingName,
  env: (name: string) => string | undefined,
  rows: Record<string, unknown>,
): { value: unknown; source: string } {
  const row = Object.hasOwn(rows, name) ? rows[name] : undefined;
  if (row !== undefined && row !== null) return { value: row, source: `setting ${name}` };
  const variable = nameEnvironmentVariable(name);
  const text = env(variable)?.trim();
  return { value: text === "" ? undefined : text, source: variable };
}

function readNumber(value: unknown, spec: NumberSpec): number {
  const expected = `a whole number of ${spec.unit} from ${spec.min} to ${spec.max}, got ` +
    JSON.stringify(value);
  const isNumeral = typeof value === "string" && /^[+-]?\d+$/.test(value.trim());
  const number = isNumeral ? Number(value) : value;
  if (typeof number !== "number" || !Number.isInteger(number)) throw new Error(expected);
  if (number < spec.min || number > spec.max) throw new Error(expected);
  return number;
}

function isList(spec: NumberSpec | ListSpec): spec is ListSpec {
  return spec.unit in LIST_ITEMS;
}

interface ListItems {
  words: string;
  pattern: RegExp;
  isLowerCase: boolean;
}

/** What a list of each unit may hold. */
const LIST_ITEMS: Record<ListSpec["unit"], ListItems> = {
  hosts: {
    words: "host names",
    pattern: /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?$/,
    isLowerCase: true,
  },
  prefixes: {
    words: "beginnings of calls (/… or https://…)",
    pattern: /^(\/([A-Za-z0-9_.~-][A-Za-z0-9\-._~/]*)?|https:\/\/[A-Za-z0-9][A-Za-z0-9\-._~:/]*)$/,
    isLowerCase: false,
  },
  origins: {
    words: "origins as browsers send them (https://admin.example.com, without a path)",
    // A port that is the scheme's own is left out by browsers: with it the origin would never match.
    pattern: /^(?!https:.*:443$|http:.*:80$)https?:\/\/[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?$/,
    isLowerCase: true,
  },
};

function readList(value: unknown, { words, pattern, isLowerCase }: ListItems): readonly string[] {
  const parts = typeof value === "string" ? value.split(",") : value;
  const expected = `a list of ${words}, got ${JSON.stringify(value)}`;
  if (!Array.isArray(parts)) throw new Error(expected);
  const items: string[] = [];
  for (const part of parts) {
    if (typeof part !== "string") throw new Error(expected);
    const item = isLowerCase ? part.trim().toLowerCase() : part.trim();
    if (item === "" && typeof value === "string") continue;
    if (!pattern.test(item)) throw new Error(expected);
    items.push(item);
  }
  return items;
}

function findContradictions(settings: Settings): Problem[] {
  const problems: Problem[] = [];
  const demand = (holds: boolean, path: SettingName, rest: string) => {
    if (!holds) problems.push({ path, message: `${path} ${rest}` });
  };
  const { heartbeatMs, leaseMs, retryInitialMs, retryMaxMs } = settings;
  const { workerBudgetMs, workerWallClockMs } = settings;
  demand(
    heartbeatMs < leaseMs,
    "heartbeat_ms",
    `must be below lease_ms, got ${heartbeatMs} and ${leaseMs}`,
  );
  demand(
    retryInitialMs <= retryMaxMs,
    "retry_initial_ms",
    `must not be above retry_max_ms, got ${retryInitialMs} and ${retryMaxMs}`,
  );
  demand(
    workerBudgetMs <= workerWallClockMs,
    "worker_budget_ms",
    `must not be above worker_wall_clock_ms, got ${workerBudgetMs} and ${workerWallClockMs}`,
  );
  return problems;
}

function toCamelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
