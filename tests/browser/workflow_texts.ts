// Workflows of which a test needs more than a graph.
import type { TestStack } from "../harness/stack.ts";

/** Publishes a text as an upload would be; throws the checker's problems. */
export async function publishText({ post }: TestStack, source: string): Promise<void> {
  const { status, body } = await post("orchestrator/workflows", { source });
  if (status >= 300) throw new Error(`publishing: ${status} ${JSON.stringify(body, null, 2)}`);
}
