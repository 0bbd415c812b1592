// One simulation from its start to its answer: a database of its own, the run begun as asked, the loop.
import type { CompiledWorkflow } from "../../supabase/functions/_shared/contract/compiled_workflow.ts";
import { parseDuration } from "../../supabase/functions/_shared/contract/duration.ts";
import type { Settings } from "../../supabase/functions/_shared/contract/settings.ts";
import { fireDue } from "../../supabase/functions/cron-orchestrator/fire_due.ts";
import type { AgentScript, Approval, ScriptedEvent } from "./agent_script.ts";
import { openDatabase } from "./database.ts";
import { Engine } from "./engine.ts";
import { Executor } from "./executor.ts";
import { MemoryOutputs } from "./memory_outputs.ts";
import { Recorder } from "./recorder.ts";
import { ScriptedAgents } from "./scripted_agents.ts";
import { type SimulatedRun, summarize } from "./simulated_run.ts";
import { Simulation } from "./simulation.ts";
import { VirtualClock } from "./virtual_clock.ts";
import { type CompiledSource, SimulationRefused } from "./workflow_files.ts";

/** What to simulate; either `file` or `source` names the workflow. */
export interface SimulateOptions {
  /** Path of the file; templates and sub-workflows are looked for in its folder. */
  file?: string;
  /** The text itself. */
  source?: string;
  /** Texts by template name, beside or instead of those of the folder. */
  templates?: Record<string, string>;
  /** Texts of sub-workflows by their key, beside or instead of those of the folder. */
  workflows?: Record<string, string>;
  /** What dispatch hands to the run: the inputs of a workflow that declares some. */
  input?: Record<string, unknown>;
  /** Starts the run by an event instead of dispatch. */
  event?: { type: string; payload?: Record<string, unknown>; user_id?: string };
  /** Starts the run by the next slot of the workflow's schedule instead of dispatch. */
  cron?: boolean;
  /** How agents answer, by step id, `step[index]`, `sub_workflow_key/step` or path of the call. */
  agents?: Record<string, AgentScript>;
  events?: ScriptedEvent[];
  /** A person's word on steps that wait for an event, by step id. */
  approvals?: Record<string, Approval>;
  /** How much time is simulated at most, such as `30d`; 400 days unless told otherwise. */
  until?: string;
  /** When the simulation begins; the present second unless told otherwise. */
  startAt?: string | Date;
  userId?: string;
  /** Settings of the orchestrator by name, such as `allowed_agent_hosts`. */
  settings?: Record<string, unknown>;
}

const DEFAULT_UNTIL = "400d";
const DEFAULT_USER = "simulated-user";

/** Simulates workflows that are compiled and a script that is checked. */
export async function play(
  options: Omit<SimulateOptions, "file" | "source">,
  sources: CompiledSource[],
  settings: Settings,
): Promise<SimulatedRun> {
  const startedAt = readStart(options.startAt);
  const untilMs = readUntil(options.until);
  const { workflow } = sources[0];
  const db = await openDatabase();
  try {
    const clock = new VirtualClock(db);
    await clock.beginAt(startedAt);
    const engine = new Engine(db);
    const recorder = new Recorder(clock, workflow.key);
    const outputs = new MemoryOutputs();
    const agents = new ScriptedAgents(options.agents ?? {});
    const simulation = new Simulation({
      engine,
      clock,
      recorder,
      executor: new Executor({ agents, clock, rpc: engine.rpc, outputs, settings }),
      approvals: options.approvals ?? {},
      userId: options.userId ?? DEFAULT_USER,
    });
    for (const { workflow, source } of sources) {
      await engine.rpc.publishWorkflow({ compiled: workflow, source });
    }
    await start({ options, simulation, engine, clock, workflow, settings });
    simulation.planEvents(options.events ?? []);
    await simulation.run(clock.startedAt + untilMs);
    recorder.finish();
    const run = recorder.mainRun;
    if (run === undefined) throw new SimulationRefused(describeNoRun(options, workflow));
    const jobs = await engine.listJobs(run.workflow_run_id);
    for (const job of jobs) {
      if (job.output_ref !== null) job.output = await outputs.get(job.output_ref);
    }
    return summarize(recorder, run, jobs, clock);
  } finally {
    await db.close();
  }
}

interface StartOptions {
  options: Pick<SimulateOptions, "input" | "event" | "cron" | "userId">;
  simulation: Simulation;
  engine: Engine;
  clock: VirtualClock;
  workflow: CompiledWorkflow;
  settings: Settings;
}

async function start(context: StartOptions): Promise<void> {
  const { options, simulation, engine, workflow } = context;
  if (options.cron === true) return await startBySchedule(context);
  const { event } = options;
  if (event !== undefined) return await simulation.transact(() => simulation.insertEvent(event));
  const user_id = options.userId ?? DEFAULT_USER;
  const request = { user_id, workflow_key: workflow.key, payload: options.input ?? {} };
  await simulation.transact(() => engine.rpc.dispatchWorkflows({ requests: [request] }));
}

/** Plans the schedule as the cron tick does, and goes to its next slot. */
async function startBySchedule(context: StartOptions): Promise<void> {
  const { simulation, engine, clock, workflow, settings } = context;
  const tick = () => simulation.transact(() => fireDue(engine.rpc, settings.scheduleGraceMs));
  await tick();
  const slot = await engine.readNextSlot(workflow.key);
  if (slot === null) return;
  await clock.beginAt(slot);
  await tick();
}

function describeNoRun(
  options: StartOptions["options"],
  { key, trigger }: CompiledWorkflow,
): string {
  const { event } = options;
  if (event !== undefined) {
    const types = trigger.event_types.join(", ");
    return `the event ${event.type} starts no run of ${key}: its trigger names ${
      types || "no events"
    }`;
  }
  if (options.cron === true) return `${key} has no schedule: its trigger names no cron`;
  return `no run of ${key} was started`;
}

function readUntil(text = DEFAULT_UNTIL): number {
  const ms = parseDuration(text);
  if (ms !== null) return ms;
  throw new SimulationRefused(
    `until must be a time with its unit, such as "30s" or "7d", got "${text}"`,
  );
}

function readStart(at: string | Date | undefined): number {
  if (at === undefined) return Math.floor(Date.now() / 1_000) * 1_000;
  const instant = at instanceof Date ? at.getTime() : Date.parse(at);
  if (!Number.isNaN(instant)) return instant;
  throw new SimulationRefused(
    `the start must be a date and a time, such as "2026-11-22T17:00:00Z", got "${at}"`,
  );
}
