// Runs the jobs of cron.job when they are due, as pg_cron does: as the job's user, each run recorded,
// never two runs of one job at once. Sleeps until the next due moment and asks nothing in between.
import { Cron } from "croner";
import postgres from "postgres";

interface Job {
  jobid: string;
  schedule: string;
  command: string;
  username: string;
}

interface PlannedJob extends Job {
  dueAt: number;
}

/** The longest delay that a timer takes. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export class CronLoop {
  #jobs = new Map<string, PlannedJob>();
  #running = new Map<string, Promise<void>>();
  /** Jobs that came due while their last run went on: pg_cron starts them right after it. */
  #overdue = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isStopped = false;
  #isOn: boolean;

  constructor(
    readonly sql: postgres.Sql,
    /** Opens a connection that acts as this user. */
    readonly openSession: (username: string) => postgres.Sql,
    isOn: boolean,
    readonly onEvent: (line: string) => void,
  ) {
    this.#isOn = isOn;
  }

  /** Reads the jobs again; called at the start and for each notification. */
  async reload(): Promise<void> {
    const rows = await this.sql<Job[]>`
      select jobid, schedule, command, username from cron.job where active`;
    const jobs = new Map<string, PlannedJob>();
    for (const row of rows) {
      const known = this.#jobs.get(row.jobid);
      const dueAt = known?.schedule === row.schedule
        ? known.dueAt
        : findNextDue(row.schedule, Date.now());
      if (dueAt === undefined) {
        this.onEvent(`pg_cron: cannot read the schedule of job ${row.jobid}: ${row.schedule}`);
      } else jobs.set(row.jobid, { ...row, dueAt });
    }
    this.#jobs = jobs;
    this.#plan();
  }

  switch(isOn: boolean): void {
    // What came due while the loop was off is not made up for.
    if (isOn && !this.#isOn) {
      for (const job of this.#jobs.values()) {
        job.dueAt = findNextDue(job.schedule, Date.now()) ?? Infinity;
      }
    }
    this.#isOn = isOn;
    this.#plan();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await Promise.all(this.#running.values());
  }

  #plan(): void {
    clearTimeout(this.#timer);
    if (this.#isStopped || !this.#isOn || this.#jobs.size === 0) return;
    const next = Math.min(...[...this.#jobs.values()].map((job) => job.dueAt));
    const delayMs = Math.max(0, next - Date.now());
    this.#timer = setTimeout(() => this.#runDue(), Math.min(delayMs, MAX_TIMER_MS));
  }

  #runDue(): void {
    const now = Date.now();
    for (const job of this.#jobs.values()) {
      if (job.dueAt > now) continue;
      job.dueAt = findNextDue(job.schedule, now) ?? Infinity;
      this.#start(job);
    }
    this.#plan();
  }

  #start(job: Job): void {
    if (this.#running.has(job.jobid)) {
      this.#overdue.add(job.jobid);
      return;
    }
    const run = this.#run(job)
      .catch((error) => {
        if (!this.#isStopped) this.onEvent(`pg_cron: job ${job.jobid}: ${error}`);
      })
      .finally(() => {
        this.#running.delete(job.jobid);
        const isOverdue = this.#overdue.delete(job.jobid);
        // As it is by now: it may have been changed or unscheduled meanwhile.
        const current = this.#jobs.get(job.jobid);
        if (isOverdue && current !== undefined && !this.#isStopped) this.#start(current);
      });
    this.#running.set(job.jobid, run);
  }

  async #run(job: Job): Promise<void> {
    // Of its own, as pg_cron's. Not a reserved one of the pool: whoever writes to a reserved connection that
    // was lost ends the whole process (https://github.com/porsager/postgres/issues/1208).
    const session = this.openSession(job.username);
    try {
      const [{ pid }] = await session<{ pid: number }[]>`select pg_backend_pid() as pid`;
      const [details] = await this.sql<{ runid: string }[]>`
        insert into cron.job_run_details
          (jobid, job_pid, database, username, command, status, start_time)
        values (${job.jobid}, ${pid}, current_database(), ${job.username},
                ${job.command}, 'running', clock_timestamp())
        returning runid`;
      const [status, message] = await execute(session, job.command);
      await this.sql`
        update cron.job_run_details
        set status = ${status}, return_message = ${message}, end_time = clock_timestamp()
        where runid = ${details.runid}`;
    } finally {
      await session.end({ timeout: 1 });
    }
  }
}

async function execute(
  session: postgres.Sql,
  text: string,
): Promise<[status: string, message: string]> {
  try {
    const result = await session.unsafe(text).simple();
    const last = Array.isArray(result[0]) ? result[result.length - 1] : result;
    const { command, count } = last as unknown as { command: string; count: number | null };
    const rows = `${count} row${count === 1 ? "" : "s"}`;
    return ["succeeded", command === "SELECT" ? rows : `${command} ${count ?? ""}`.trim()];
  } catch (error) {
    if (!(error instanceof postgres.PostgresError)) throw error;
    return ["failed", `ERROR:  ${error.message}`];
  }
}

/** Returns the first due moment after `now` (both in milliseconds); undefined if it is no schedule. */
export function findNextDue(schedule: string, now: number): number | undefined {
  const seconds = schedule.match(/^(\d+) seconds?$/);
  if (seconds) return now + Number(seconds[1]) * 1000;
  try {
    // pg_cron writes the last day of the month as `$`.
    const pattern = schedule.replaceAll("$", "L");
    return new Cron(pattern, { timezone: "UTC" }).nextRun(new Date(now))?.getTime();
  } catch {
    return undefined;
  }
}
