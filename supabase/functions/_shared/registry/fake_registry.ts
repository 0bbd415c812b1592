// For this folder's tests only: a bucket and a registry in memory.
import { readSettings } from "../contract/settings.ts";
import type { StaleWorkflowFile, WorkflowRow } from "../database/rows.ts";
import type { RegistryDeps } from "./read_through.ts";

export const VALID = (key: string) =>
  `key: ${key}\ntrigger: { type: manual }\nsteps: [{ id: a, call: /functions/v1/agent/a }]\n`;

export class FakeRegistry {
  readonly files = new Map<string, string>();
  readonly published: {
    key: string;
    path?: string | null;
    etag?: string | null;
  }[] = [];
  readonly rejected: string[] = [];
  readonly removed: string[] = [];
  stale: StaleWorkflowFile[] = [];
  isAway: Error | null = null;

  readonly deps: RegistryDeps = {
    settings: readSettings(() => undefined, {}),
    bucket: {
      download: (name) =>
        this.isAway === null
          ? Promise.resolve(this.files.get(name) ?? null)
          : Promise.reject(this.isAway),
      listTemplates: () =>
        Promise.resolve(
          [...this.files.keys()].flatMap((name) => /^templates\/(.+)\.yml$/.exec(name)?.[1] ?? []),
        ),
    },
    rpc: {
      publishWorkflow: ({ compiled, sourcePath, sourceEtag }) => {
        this.published.push({
          key: compiled.key,
          path: sourcePath,
          etag: sourceEtag,
        });
        return Promise.resolve({
          workflow_key: compiled.key,
          definition_id: 1,
          sha256: "",
          version: 1,
          result: "published",
        });
      },
      rejectWorkflowFile: ({ sourcePath }) => {
        this.rejected.push(sourcePath);
        return Promise.resolve({});
      },
      removeWorkflowFile: ({ sourcePath }) => {
        this.removed.push(sourcePath);
        const file = this.stale.find((it) => it.source_path === sourcePath);
        return Promise.resolve({ result: file?.workflow_key ? "archived" : "forgotten" });
      },
      listWorkflows: () => Promise.resolve([{ workflow_key: "daily_v1" } as WorkflowRow]),
      listStaleWorkflowFiles: () => Promise.resolve(this.stale),
    },
  };
}
