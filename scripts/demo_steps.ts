// The demo's live view: every step of every run, with each of its attempts.
import type postgres from "postgres";
import { LiveBlock, type LiveGroup, paint } from "./terminal/progress.ts";

interface Attempt {
  attempt: number;
  seconds: number;
  error: string;
}

interface StepRow {
  workflow_run_id: string;
  workflow_key: string;
  trigger_type: string;
  run_status: string;
  step_id: string;
  agent: string;
  status: string;
  attempts: number;
  max_attempts: number;
  failures: Attempt[];
  /** Of the last attempt; null before it ended. */
  seconds: number | null;
}

/** Shows the steps until `expected` runs ended; answers whether all of them succeeded in time. */
export async function watchRuns(
  sql: postgres.Sql,
  expected: number,
  giveUpMs: number,
): Promise<boolean> {
  const block = new LiveBlock();
  for (const until = Date.now() + giveUpMs; Date.now() < until;) {
    const steps = await readSteps(sql);
    block.show(describeRuns(steps));
    const runs = new Map(steps.map((step) => [step.workflow_run_id, step.run_status]));
    const isOver = runs.size >= expected &&
      [...runs.values()].every((status) => status !== "running");
    if (isOver) return [...runs.values()].every((status) => status === "success");
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  return false;
}

async function readSteps(sql: postgres.Sql): Promise<StepRow[]> {
  return await sql<StepRow[]>`
    select s.workflow_run_id, s.workflow_key, r.trigger_type, s.run_status, s.step_id, s.agent,
      s.status, s.attempts, s.max_attempts,
      extract(epoch from s.finished_at - q.leased_at)::float8 as seconds,
      (
        select coalesce(json_agg(json_build_object(
          'attempt', a.attempt,
          'seconds', extract(epoch from a.finished_at - a.started_at),
          'error', a.error_text
        ) order by a.attempt), '[]')
        from job_attempts a where a.job_id = s.job_id and not a.success
      ) as failures
    from orchestrator_steps s
    join job_queue q using (job_id)
    join workflow_runs r on r.workflow_run_id = s.workflow_run_id
    order by r.created_at, s.workflow_run_id, s.step_no`;
}

function describeRuns(steps: StepRow[]): LiveGroup[] {
  const runs = [...Map.groupBy(steps, (step) => step.workflow_run_id).values()];
  return runs.map((ofRun, at) => ({
    title: `${at + 1}. ${paint("cyan", ofRun[0].workflow_key.padEnd(19))} by ${
      ofRun[0].trigger_type.padEnd(5)
    }`,
    lines: ofRun.flatMap(describeStep),
  }));
}

/** A line for each failed attempt, then one for the state that the step is in. */
function describeStep(step: StepRow): string[] {
  const write = (status: string, attempt: number, more: string) =>
    `  ${paintStatus(status)} ${step.step_id.padEnd(17)} agent ${step.agent.padEnd(11)}` +
    (attempt > 0 ? ` attempt ${attempt} of ${step.max_attempts}` : "") + more;
  const failures = step.failures.map((failure) =>
    write("failed", failure.attempt, ` ${failure.seconds.toFixed(2)} s, ${failure.error}`)
  );
  if (step.status === "failed") return failures;
  const seconds = step.status === "success" ? ` ${step.seconds!.toFixed(2)} s` : "";
  return [...failures, write(step.status, step.attempts, seconds)];
}

function paintStatus(status: string): string {
  const text = status.padEnd(8);
  if (status === "success") return paint("green", `✓ ${text}`);
  if (status === "failed") return paint("yellow", `↻ ${text}`);
  if (status === "dead") return paint("red", `✗ ${text}`);
  return paint("dim", `· ${text}`);
}
