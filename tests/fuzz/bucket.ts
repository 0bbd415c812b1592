// A bucket of the rate limiter, driven through the functions that the engine uses, and all that it has granted.
import type postgres from "postgres";
import type { TestConnection, TestDatabase } from "../harness/database.ts";
import { untilSomebodyWaits } from "../harness/lock_waits.ts";
import { pruneAll } from "../harness/old_history.ts";
import { LEASE_MS, settle, success } from "../harness/worker.ts";

const AGENT = "clo";
const START = "2026-03-01T12:00:00Z";

/** A step that asks a user's bucket for its agent. */
export const CALL = `/functions/v1/agent-proxy/${AGENT}/x`;

export interface Policy {
  capacity: number;
  refill_rate: number;
}

export type Deed =
  | { kind: "take" | "peek" | "drain"; tokens: number }
  | { kind: "race"; tokens: number; takers: number }
  | { kind: "late"; tokens: number; waitMs: number }
  | { kind: "lease"; jobs: number; limit: number }
  | { kind: "hold"; holdMs: number }
  | { kind: "policy"; policy: Policy }
  | { kind: "prune" };

interface Grant {
  /** The bucket's clock before it was asked, and once it had answered. */
  from: number;
  to: number;
  tokens: number;
}

export class Bucket {
  readonly grants: Grant[] = [];
  /** The widest that it has been. */
  readonly most: Policy = { capacity: 0, refill_rate: 0 };
  readonly key: string;
  policy: Policy = { capacity: 1, refill_rate: 1 };
  readonly #db: TestDatabase;
  readonly #others: TestConnection[];
  readonly #user: string;

  constructor(db: TestDatabase, others: TestConnection[], user: string) {
    this.#db = db;
    this.#others = others;
    this.#user = user;
    this.key = `user:${user}:agent:${AGENT}`;
  }

  async setPolicy(policy: Policy): Promise<void> {
    this.policy = policy;
    this.most.capacity = Math.max(this.most.capacity, policy.capacity);
    this.most.refill_rate = Math.max(this.most.refill_rate, policy.refill_rate);
    await this.#db.admin`
      insert into rate_limit_policies ${this.#db.admin({ pattern: this.key, ...policy })}
      on conflict (pattern) do update
      set capacity = excluded.capacity, refill_rate = excluded.refill_rate`;
  }

  /** Milliseconds since the beginning: of 1970 they would be too many for their fractions. */
  async now(): Promise<number> {
    const [{ now }] = await this.#db.admin`
      select (extract(epoch from orchestrator.now() - ${START}) * 1000)::float8 as now`;
    return now;
  }

  /** The row as it is. */
  async look(): Promise<{ tokens: number; at: number }> {
    const [row] = await this.#db.admin`
      select
        tokens::float8, (extract(epoch from last_refill - ${START}) * 1000)::float8 as at
      from rate_limits where rl_key = ${this.key}`;
    return { tokens: row.tokens, at: row.at };
  }

  /** Does what is drawn; answers the tokens that it was given. */
  async do(deed: Deed): Promise<number> {
    const { key } = this;
    switch (deed.kind) {
      case "take":
      case "peek":
        return await this.#take(deed.tokens, deed.kind === "peek");
      case "drain":
        return await this.#drain(deed.tokens);
      case "race":
        return await this.#race(deed.tokens, deed.takers);
      case "late":
        return await this.#takeLate(deed.tokens, deed.waitMs);
      case "lease":
        return await this.#lease(deed.jobs, deed.limit);
      case "hold":
        await this.#db.admin`
          select orchestrator.hold_keys(
            array[${key}], array[orchestrator.now() + ${deed.holdMs} * interval '1 ms'], orchestrator.now())`;
        return 0;
      case "policy":
        await this.setPolicy(deed.policy);
        return 0;
      case "prune":
        await pruneAll(this.#db);
        return 0;
    }
  }

  /** Notes what a deed was given, with the time around it. */
  async grant(deed: Deed): Promise<void> {
    const from = await this.now();
    const tokens = await this.do(deed);
    if (tokens > 0) this.grants.push({ from, to: await this.now(), tokens });
  }

  async #take(tokens: number, peek: boolean): Promise<number> {
    const { allowed } = await this.#db.rpc.takeTokens({ key: this.key, tokens, peek });
    return allowed && !peek ? tokens : 0;
  }

  async #drain(
    tokens: number,
    sql: postgres.Sql | postgres.TransactionSql = this.#db.admin,
  ): Promise<number> {
    // One at a time in one statement: the clock goes on, and a quick bucket is never empty.
    const most = Math.ceil(this.policy.capacity / tokens) + 1;
    const [{ times }] = await sql`
      select count(*) filter (where (take_tokens(${this.key}, ${tokens}) ->> 'allowed')::boolean)::int as times
      from generate_series(1, ${most})`;
    return times * tokens;
  }

  async #race(tokens: number, takers: number): Promise<number> {
    const answers = await Promise.all(
      this.#others.slice(0, takers).map(({ rpc }) => rpc.takeTokens({ key: this.key, tokens })),
    );
    return answers.filter(({ allowed }) => allowed).length * tokens;
  }

  /** One taker reads the clock, waits for the bucket, and gets it after somebody who came later. */
  async #takeLate(tokens: number, waitMs: number): Promise<number> {
    const [first, second] = this.#others;
    let given = 0;
    let late: Promise<{ allowed: boolean }> | undefined;
    await first.sql.begin(async (sql) => {
      given += await this.#drain(tokens, sql);
      late = second.rpc.takeTokens({ key: this.key, tokens });
      await untilSomebodyWaits(this.#db);
      await setClock(this.#db, await this.now() + waitMs);
      given += await this.#drain(tokens, sql);
    });
    return given + ((await late!).allowed ? tokens : 0);
  }

  async #lease(jobs: number, limit: number): Promise<number> {
    const { rpc } = this.#db;
    const request = { user_id: this.#user, workflow_key: "ask" };
    await rpc.dispatchWorkflows({
      requests: Array.from({ length: jobs }, () => request),
      ring: false,
    });
    const leased = await rpc.leaseJobs({ workerId: "w", limit, leaseMs: LEASE_MS });
    await settle(rpc, leased.jobs, () => success());
    return leased.jobs.filter(({ user_id }) => user_id === this.#user).length;
  }
}

/** Sets the clock to so many milliseconds after the start. */
export async function setClock(db: TestDatabase, at: number): Promise<void> {
  await db.setClock(new Date(Date.parse(START) + at));
}
