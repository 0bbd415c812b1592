// Writes the JSON Schemas that editors complete and check workflow files and templates with, from the
// zod schemas of the contract. `--check` writes nothing and fails on drift.
import { z } from "zod";
import {
  templateFile,
  workflowFile,
} from "../supabase/functions/_shared/contract/workflow_file.ts";

export const SCHEMA_PATH = new URL("../workflows/workflow.schema.json", import.meta.url);
export const TEMPLATE_SCHEMA_PATH = new URL("../workflows/template.schema.json", import.meta.url);

/** The text of the workflows' schema as it must stand in the file. */
export function writeWorkflowSchema(): string {
  return writeSchema("Workflow", workflowFile);
}

/** The same for templates. */
export function writeTemplateSchema(): string {
  return writeSchema("Workflow template", templateFile);
}

function writeSchema(title: string, schema: z.ZodType): string {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: "input" });
  return JSON.stringify({ $schema, title, ...rest }, null, 2) + "\n";
}

async function main(args: string[]): Promise<number> {
  const files = [
    { path: SCHEMA_PATH, name: "workflows/workflow.schema.json", text: writeWorkflowSchema() },
    {
      path: TEMPLATE_SCHEMA_PATH,
      name: "workflows/template.schema.json",
      text: writeTemplateSchema(),
    },
  ];
  let drifted = 0;
  for (const { path, name, text } of files) {
    if (!args.includes("--check")) {
      await Deno.writeTextFile(path, text);
      continue;
    }
    const found = await Deno.readTextFile(path).catch(() => "");
    if (found === text) continue;
    drifted++;
    console.error(
      `checking ${name}: it differs from the contract; run scripts/generate_workflow_schema.ts and ` +
        "commit the result",
    );
  }
  return drifted === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
