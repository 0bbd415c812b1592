// The clock around a drain, ours and the bare one, so that both are driven alike.
import { CALLS_UNDER_WAY } from "./settings.ts";

/**
 * Drains over all connections at once, with as many calls under way on each as the settings say; `drain`
 * gets a connection and the name of its loop, and answers how many jobs it drained.
 */
export async function drainAll<Connection>(
  connections: Connection[],
  drain: (connection: Connection, loop: string) => Promise<number>,
): Promise<{ seconds: number; drained: number }> {
  const startedAt = performance.now();
  const drained = await Promise.all(
    connections.flatMap((connection, at) =>
      Array.from({ length: CALLS_UNDER_WAY }, (_, n) => drain(connection, `${at}_${n}`))
    ),
  );
  return {
    seconds: (performance.now() - startedAt) / 1000,
    drained: drained.reduce((sum, jobs) => sum + jobs, 0),
  };
}
