// Runs a workflow in virtual time, with agents that do what a script says, through the compiler, the
// worker's own code and the real SQL: for `deno task workflows:simulate` and for a project's tests.
import { readSettings, type Settings } from "../../supabase/functions/_shared/contract/settings.ts";
import { checkNames } from "./check_names.ts";
import { play, type SimulateOptions } from "./play.ts";
import { checkScript, type ScriptFault } from "./read_script.ts";
import type { SimulatedRun } from "./simulated_run.ts";
import {
  compileAll,
  readWorkflowFile,
  SimulationRefused,
  type WorkflowTexts,
} from "./workflow_files.ts";

export type { AgentScript, Approval, Behaviour, ScriptedEvent, SeenCall } from "./agent_script.ts";
export { formatRun } from "./format_run.ts";
export type { SimulateOptions } from "./play.ts";
export type { SimulatedRun, SimulatedStep } from "./simulated_run.ts";
export type { TimelineEntry } from "./timeline.ts";
export { SimulationRefused } from "./workflow_files.ts";

/**
 * Simulates one run of a workflow and answers how it went. Days pass in milliseconds; nothing is
 * called, and nothing is left to close.
 *
 * Every call answers `{ok: true, output: {}}` at once, unless `agents` says more: one behaviour, a
 * list that each job goes through call by call, or a function of the call.
 *
 *     import { simulate } from "./scripts/simulate/mod.ts";
 *
 *     Deno.test("a lead waits for a word of the sales team", async () => {
 *       const run = await simulate({
 *         file: "workflows/examples/lead_triage_v1.yml",
 *         input: { lead_id: "7", source: "app" },
 *         agents: {
 *           enrich: [{ fail: "http_503", retry_after: "1m" }, { output: { contacts: [1, 2] } }],
 *           score: ({ index }) => ({ output: { value: index === 0 ? 90 : 10 }, delay: "2s" }),
 *         },
 *         approvals: { approve: { after: "3h", by: "anna" } },
 *       });
 *       assert.equal(run.status, "success");
 *       assert.equal(run.steps.enrich.attempts, 2);
 *       assert.equal(run.steps.archive.skip_reason, "condition");
 *     });
 *
 * Throws SimulationRefused where the workflow does not compile, the script has mistakes, or nothing
 * starts a run; a run that fails is an answer (`status`, `reason`).
 */
export async function simulate(options: SimulateOptions): Promise<SimulatedRun> {
  const { agents = {}, events = [], approvals = {} } = options;
  const settings = loadSettings(options.settings ?? {});
  const sources = await compileAll(await findTexts(options), settings);
  refuse(checkScript({ agents, events, approvals }));
  refuse(checkNames({ agents, events, approvals }, sources.map(({ workflow }) => workflow)));
  return await play(options, sources, settings);
}

/** The settings of the environment, with rows in front of them. */
export function loadSettings(rows: Record<string, unknown>): Settings {
  try {
    return readSettings((name) => Deno.env.get(name), rows);
  } catch (error) {
    throw new SimulationRefused(error instanceof Error ? error.message : String(error));
  }
}

async function findTexts(options: SimulateOptions): Promise<WorkflowTexts> {
  const { file, source, workflows = {}, templates = {} } = options;
  if ((file === undefined) === (source === undefined)) {
    throw new SimulationRefused("cannot simulate: give either the workflow's file or its source");
  }
  const main = file === undefined
    ? { source: source!, name: "workflow.yml", folder: null }
    : await readWorkflowFile(file);
  return { main, templates, workflows };
}

function refuse(faults: ScriptFault[]): void {
  if (faults.length === 0) return;
  const problems = faults.map(({ message, near }) => ({ message, near }));
  const lines = faults.map(({ message, near = [] }) =>
    near.length === 0 ? message : `${message}; did you mean ${near.join(" or ")}?`
  );
  throw new SimulationRefused(lines.join("\n"), problems);
}
