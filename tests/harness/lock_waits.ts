// Seeing that somebody waits for a lock, where a test must go on at that moment and not later.
import type { TestDatabase } from "./database.ts";

/** Bounds a failure only; nothing takes that long. */
const GIVE_UP_MS = 60_000;

/** Until a connection of this database waits for a lock, or as many as are named. */
export async function untilSomebodyWaits(
  { admin }: Pick<TestDatabase, "admin">,
  connections = 1,
): Promise<void> {
  const deadline = Date.now() + GIVE_UP_MS;
  while (Date.now() < deadline) {
    const [{ waiting }] = await admin`
      select count(*)::int as waiting from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`;
    if (waiting >= connections) return;
  }
  throw new Error(`fewer than ${connections} waited for a lock within ${GIVE_UP_MS / 1_000} s`);
}
