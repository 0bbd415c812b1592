// A workflow that dispatch does not know may have just been uploaded: looks for its file and
// publishes it, so that dispatch can try once more. Serves the registry.
import { OrchestratorError } from "../contract/errors.ts";
import { NAME_PATTERN } from "../contract/workflow_file.ts";
import type { Rpc } from "../database/rpc.ts";
import type { CompileSettings } from "../workflow/compile.ts";
import { findNearNames } from "../workflow/near.ts";
import type { TemplateSource } from "./load_templates.ts";
import { publishSource } from "./publish.ts";

export interface RegistryDeps {
  bucket: TemplateSource;
  rpc: Pick<
    Rpc,
    | "publishWorkflow"
    | "listWorkflows"
    | "listStaleWorkflowFiles"
    | "rejectWorkflowFile"
    | "removeWorkflowFile"
  >;
  settings: CompileSettings;
}

/**
 * Publishes the file of an unknown workflow. Throws `not_found` with near names for a key without a
 * file, and `unprocessable` for a file with problems.
 */
export async function readThrough(key: string, deps: RegistryDeps): Promise<void> {
  const isPublished = NAME_PATTERN.test(key) && await publishFileOf(key, deps);
  if (!isPublished) throw await refuseUnknown(key, deps.rpc);
}

async function publishFileOf(key: string, deps: RegistryDeps) {
  for (const file of [`${key}.yml`, `${key}.yaml`]) {
    const source = await deps.bucket.download(file);
    if (source === null) continue;
    await publishSource({ source, file }, deps);
    return true;
  }
  return false;
}

/** The error for a key that neither registry nor bucket knows. */
export async function refuseUnknown(
  key: string,
  rpc: Pick<Rpc, "listWorkflows">,
): Promise<OrchestratorError> {
  const keys = (await rpc.listWorkflows()).map(({ workflow_key }) => workflow_key);
  const near = findNearNames(key, keys);
  const hint = near.length > 0 ? `; did you mean ${near[0]}?` : "";
  const message = `there is no workflow ${JSON.stringify(key)}${hint}`;
  return new OrchestratorError("not_found", message, {
    problems: [{
      path: "workflow_key",
      message,
      ...(near.length > 0 ? { near } : {}),
    }],
  });
}
