// Workflows for tests: a graph in a line, published through the real compiler.
import { readSettings } from "../../supabase/functions/_shared/contract/settings.ts";
import { compileWorkflow } from "../../supabase/functions/_shared/workflow/compile.ts";
import type { Rpc } from "../../supabase/functions/_shared/database/rpc.ts";

export interface StepShape {
  id: string;
  depends_on?: string[];
  call?: string;
  method?: "GET" | "POST";
  timeout_ms?: number;
}

/** YAML of a workflow; JSON is YAML, so the file needs no writer of its own. */
export function writeWorkflow(
  key: string,
  steps: StepShape[],
  trigger: Record<string, unknown> = { type: "manual" },
): string {
  return JSON.stringify({
    key,
    trigger,
    steps: steps.map((step) => ({ call: "/functions/v1/agent-proxy/noop", ...step })),
  });
}

/** Compiles and publishes; throws the compiler's problems. */
export async function publish(rpc: Rpc, source: string) {
  const compiled = compileWorkflow(source, { settings: readSettings(() => undefined, {}) });
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems, null, 2));
  return await rpc.publishWorkflow({ compiled: compiled.workflow, source });
}

/** Steps s1 → s2 → … → sn. */
export function chain(length: number): StepShape[] {
  return Array.from({ length }, (_, at) => ({
    id: `s${at + 1}`,
    depends_on: at === 0 ? [] : [`s${at}`],
  }));
}
