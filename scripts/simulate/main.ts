// `deno task workflows:simulate`: one run of a workflow in virtual time, told step by step.
import { parseArgs } from "node:util";
import { formatProblems } from "../../supabase/functions/_shared/workflow/format_problems.ts";
import { paint } from "../terminal/progress.ts";
import { checkNames } from "./check_names.ts";
import type { SimulationScript } from "./agent_script.ts";
import { formatRun } from "./format_run.ts";
import { loadSettings } from "./mod.ts";
import { play, type SimulateOptions } from "./play.ts";
import { readScript } from "./read_script.ts";
import {
  compileAll,
  type CompiledSource,
  readText,
  readWorkflowFile,
  SimulationRefused,
} from "./workflow_files.ts";

const HELP = `deno task workflows:simulate FILE [options]

Runs a workflow in virtual time with scripted agents: nothing is called, days pass in milliseconds.
It goes through the compiler, the worker's code and the SQL that run it for real. Templates are read
from the folder templates beside FILE or beside its folder, sub-workflows from <key>.yml there.

  --input JSON     what the run is dispatched with ({} without); @file.json reads a file
  --event EVENT    start it by an event instead: a type (--input is the payload), or
                   {"type": "lead.created", "payload": {...}, "user_id": "..."}
  --cron           start it by the next slot of its schedule instead
  --agents SCRIPT  a YAML or JSON file that says how agents answer; see below
  --until TIME     simulate no longer than this, such as 36h (400d)
  --at INSTANT     when it begins, such as 2026-11-22T17:00:00Z (now)
  --user ID        whose run it is (simulated-user)
  --json           print the result as JSON
  --help           this text

Every agent answers {ok: true, output: {}} at once, unless the script says more:

  agents:
    enrich:                          # a step id, a call path, or sub_workflow_key/step
      - { fail: http_503, retry_after: 1m, times: 2 }
      - { output: { contacts: [1, 2, 3] }, delay: 2s }
    "score[1]": { fail: not_ok, error: "no such contact" }    # one item of a fan-out
    report: { callback: { after: 2h, output: { pages: 7 } } } # of a step with mode: async
    plan: { output: {}, steps: [{ id: more, call: /functions/v1/more }] } # with may_append
  events:
    - { at: 5m, type: lead.approved, payload: { lead_id: 7 } }
  approvals:
    approve: { after: 3h, by: anna }                          # approved: false rejects

fail is http_ and a status, timeout, network, not_ok, not_ok_retryable, in_progress, garbage or
too_large. In a list each answer lasts for one call, or for \`times\` of them, the last one for all
that follow; every job goes through its list by itself.

Exit code: 0 if the run succeeded or was skipped, 1 if it failed or is not over, 2 if there was
nothing to simulate (problems of the workflow, of the script or of the options).`;

async function main(args: string[]): Promise<number> {
  const { values, positionals } = readArguments(args);
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  if (positionals.length !== 1) {
    throw new SimulationRefused(
      `expected one workflow file, got ${positionals.length}; see --help`,
    );
  }
  const settings = loadSettings({});
  const main = await readWorkflowFile(positionals[0]);
  const sources = await compileAll({ main, templates: {}, workflows: {} }, settings);
  const script = values.agents === undefined ? {} : await loadScript(values.agents, sources);
  const options: Omit<SimulateOptions, "file" | "source"> = {
    ...script,
    ...await readStart(values),
    until: values.until,
    startAt: values.at,
    userId: values.user,
  };
  const run = await play(options, sources, settings);
  console.log(values.json ? JSON.stringify(run, null, 2) : formatRun(run));
  return run.status === "success" || run.status === "skipped" ? 0 : 1;
}

type Values = ReturnType<typeof readArguments>["values"];

function readArguments(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        input: { type: "string" },
        event: { type: "string" },
        cron: { type: "boolean", default: false },
        agents: { type: "string" },
        until: { type: "string" },
        at: { type: "string" },
        user: { type: "string" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new SimulationRefused(`${message}; see --help`);
  }
}

async function readStart(
  values: Values,
): Promise<Pick<SimulateOptions, "input" | "event" | "cron">> {
  const input = values.input === undefined ? {} : await readMap("--input", values.input);
  if (values.event === undefined) return { input, cron: values.cron };
  if (values.cron) throw new SimulationRefused("--event and --cron exclude each other");
  if (!/^[{@]/.test(values.event)) return { event: { type: values.event, payload: input } };
  const { type, payload, user_id } = await readMap("--event", values.event);
  if (typeof type !== "string") throw new SimulationRefused("--event must have a type");
  return {
    event: {
      type,
      payload: (payload ?? input) as Record<string, unknown>,
      ...(typeof user_id === "string" ? { user_id } : {}),
    },
  };
}

async function readMap(name: string, text: string): Promise<Record<string, unknown>> {
  const json = text.startsWith("@") ? await readText(text.slice(1)) : text;
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new SimulationRefused(`${name} must be JSON: ${(error as Error).message}`);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new SimulationRefused(`${name} must be a JSON object, got ${json.trim().slice(0, 60)}`);
}

async function loadScript(path: string, sources: CompiledSource[]): Promise<SimulationScript> {
  const text = await readText(path);
  const read = readScript(text, path);
  if (!read.ok) throw new SimulationRefused(formatProblems(read.problems, text), read.problems);
  const faults = checkNames(read.script, sources.map(({ workflow }) => workflow));
  if (faults.length === 0) return read.script;
  const problems = read.toProblems(faults);
  throw new SimulationRefused(formatProblems(problems, text), problems);
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    if (!(error instanceof SimulationRefused)) throw error;
    console.error(paint("red", error.message));
    Deno.exit(2);
  }
}
