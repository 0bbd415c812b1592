// What agents know of the work that they did, beside what the database says of it: the two must agree
// whatever happened in between.
import assert from "node:assert/strict";
import type postgres from "postgres";
import type { AgentCallSeen, AgentDouble } from "../harness/agents.ts";

/** A call that the agent did, and the text that it answered. */
interface Done {
  job: string;
  idempotencyKey: string;
  proof: string;
}

/** How an agent takes a call, besides doing it. */
export interface Temper {
  /** How long it takes. */
  delayMs?: (call: AgentCallSeen) => number;
  /** It answers 500. */
  fails?: (call: AgentCallSeen) => boolean;
  /** It never answers. */
  hangs?: (call: AgentCallSeen) => boolean;
}

export class WorkLog {
  readonly done: Done[] = [];
  readonly calls: { job: string; idempotencyKey: string }[] = [];

  /** Has the double do the work of a path; every answer carries a proof that no other call has. */
  serve(agents: AgentDouble, path: string, temper: Temper = {}): void {
    agents.answer(path, async (call) => {
      const job = nameJob(call.runId, call.stepId, Number(call.headers.get("x-item-index") ?? -1));
      const { idempotencyKey } = call;
      this.calls.push({ job, idempotencyKey });
      if (temper.hangs?.(call)) return await new Promise<Response>(() => {});
      const delayMs = temper.delayMs?.(call) ?? 0;
      if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
      if (temper.fails?.(call)) return Response.json({ ok: false }, { status: 500 });
      const proof = crypto.randomUUID();
      this.done.push({ job, idempotencyKey, proof });
      return Response.json({ ok: true, output: { proof } });
    });
  }

  /** No job was called under two keys, so an agent that keeps its replies did nothing twice. */
  assertOneKeyPerJob(): void {
    const keys = Map.groupBy(this.calls, ({ job }) => job);
    const doubled = [...keys].filter(([, calls]) =>
      new Set(calls.map(({ idempotencyKey }) => idempotencyKey)).size > 1
    );
    assert.deepEqual(doubled, []);
    const jobs = Map.groupBy(this.calls, ({ idempotencyKey }) => idempotencyKey);
    const shared = [...jobs].filter(([, calls]) => new Set(calls.map(({ job }) => job)).size > 1);
    assert.deepEqual(shared, []);
  }

  /** Every call that has a result in the database has one that its agent gave. */
  async assertResultsAreTheAgents(sql: postgres.Sql, path: string): Promise<number> {
    const rows = await sql<{ run: string; step: string; item: number; proof: string | null }[]>`
      select workflow_run_id as run, step_id as step, item_index as item, output ->> 'proof' as proof
      from job_queue
      where status = 'success' and payload ->> 'call' = ${`/functions/v1/${path}`}
        and (item_index >= 0 or payload ->> 'for_each' is null)`;
    const given = new Set(this.done.map(({ job, proof }) => `${job} ${proof}`));
    const invented = rows.filter(({ run, step, item, proof }) =>
      !given.has(`${nameJob(run, step, item)} ${proof}`)
    );
    assert.deepEqual([...invented], []);
    return rows.length;
  }
}

function nameJob(run: string, step: string, item: number): string {
  return `${run} ${step} ${item}`;
}
