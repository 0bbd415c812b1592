// Writes workflows/workflow.schema.json, the JSON Schema that editors complete and check workflow
// files with, from the zod schema of the contract. `--check` writes nothing and fails on drift.
import { z } from "zod";
import { workflowFile } from "../supabase/functions/_shared/contract/workflow_file.ts";

export const SCHEMA_PATH = new URL("../workflows/workflow.schema.json", import.meta.url);

/** The schema's text as it must stand in the file. */
export function writeWorkflowSchema(): string {
  const { $schema, ...rest } = z.toJSONSchema(workflowFile, { io: "input" });
  return JSON.stringify({ $schema, title: "Workflow", ...rest }, null, 2) + "\n";
}

async function main(args: string[]): Promise<number> {
  const wanted = writeWorkflowSchema();
  if (!args.includes("--check")) {
    await Deno.writeTextFile(SCHEMA_PATH, wanted);
    return 0;
  }
  const found = await Deno.readTextFile(SCHEMA_PATH).catch(() => "");
  if (found === wanted) return 0;
  console.error(
    "checking workflows/workflow.schema.json: it differs from the contract; " +
      "run scripts/generate_workflow_schema.ts and commit the result",
  );
  return 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
