// Leases that are over, for tests of what becomes of lost workers: on the jobs, and where the sweep looks for them.
import type { TestDatabase } from "./database.ts";

/** Ends leases a minute ago, as if their workers were not heard of since: of all jobs that have one, or of some. */
export async function loseLeases(
  { admin }: Pick<TestDatabase, "admin">,
  jobIds: number[] | null = null,
): Promise<void> {
  await admin`
    with lost as (
      update public.job_queue
      set lease_until = orchestrator.now() - interval '1 minute'
      where lease_token is not null and (${jobIds}::bigint[] is null or job_id = any (${jobIds}::bigint[]))
      returning lease_token
    )
    update orchestrator.leases
    set lease_until = orchestrator.now() - interval '1 minute'
    where lease_token in (select lease_token from lost)`;
}
