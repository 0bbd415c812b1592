// The engine of a simulation as the loop sees it: the RPC seam, and a look behind it that no worker
// has.
import type { PGlite } from "@electric-sql/pglite";
import type { OutputRef } from "../../supabase/functions/_shared/database/rows.ts";
import { createRpc, type Rpc } from "../../supabase/functions/_shared/database/rpc.ts";
import type { Transport } from "../../supabase/functions/_shared/database/transport.ts";
import type { RowChange } from "./recorder.ts";
import { createLocalTransport } from "./transport.ts";

/** A job as it stands at the end. */
export interface JobEnd {
  step_no: number;
  step_id: string;
  item_index: number;
  status: string;
  output: unknown;
  output_ref: OutputRef | null;
  error_class: string | null;
  error_text: string | null;
  skip_reason: string | null;
  condition: { expression: string; result: boolean } | null;
  /** What it waits for, while it is parked. */
  parked_for: string | null;
  wait_event: string | null;
  is_result: boolean;
  continue_on_error: boolean;
  /** ISO times. */
  started_at: string | null;
  finished_at: string | null;
}

const JOB_QUERY = `
  select coalesce(jsonb_agg(to_jsonb(q) order by step_no, item_index), '[]') as rows
  from (
    select q.step_no, q.step_id, q.item_index, q.status, q.output, q.output_ref, q.error_class, q.error_text,
      q.skip_reason, q.condition, q.started_at, q.finished_at, w.is_result, w.continue_on_error,
      q.parked ->> 'for' as parked_for, q.payload #>> '{wait,event}' as wait_event
    from public.job_queue q
    join public.workflow_steps w using (definition_id, step_no)
    where q.workflow_run_id = $1
  ) as q`;

export class Engine {
  readonly rpc: Rpc;
  readonly call: Transport["callFunction"];
  readonly #db: PGlite;

  constructor(db: PGlite) {
    this.#db = db;
    const transport = createLocalTransport(db);
    this.rpc = createRpc(transport);
    this.call = transport.callFunction;
  }

  /** What changed since the last look, in order. */
  takeChanges(): Promise<RowChange[]> {
    return this.#read<RowChange[]>("select simulation.take_changes() as rows");
  }

  /** Signals wait for process_signals; when the next run times out, in milliseconds since 1970. */
  look(): Promise<{ has_signals: boolean; next_deadline_ms: number | null }> {
    return this.#read("select simulation.look() as rows");
  }

  /** When the schedule of a workflow is due, in milliseconds since 1970; null: never planned. */
  readNextSlot(workflowKey: string): Promise<number | null> {
    return this.#read(
      `select extract(epoch from min(next_run_at)) * 1000 as rows from public.workflow_schedules
       where workflow_key = $1 and cron is not null and isfinite(next_run_at)`,
      [workflowKey],
    ).then((it) => it === null ? null : Number(it));
  }

  listJobs(runId: string): Promise<JobEnd[]> {
    return this.#read<JobEnd[]>(JOB_QUERY, [runId]);
  }

  async #read<T>(query: string, values: unknown[] = []): Promise<T> {
    const { rows } = await this.#db.query<{ rows: T }>(query, values);
    return rows[0].rows;
  }
}
