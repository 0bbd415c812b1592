// Which project a command means: the one that it is told, that of the environment, or the local stack
// that runs on this repository's data folder.
import { fileURLToPath } from "node:url";
import { readProjectNames } from "../project_names.ts";
import { findDataFolder } from "../stack/data_folder.ts";
import { findRunningStack } from "../stack/running_stack.ts";

export interface Project {
  url: string;
  /** A secret key, or the legacy service_role key. */
  serviceKey: string;
}

const ROOT = fileURLToPath(new URL("../../", import.meta.url)).replace(
  /\/$/,
  "",
);

/** Finds the project; throws what is missing. */
export async function findProject(
  told: { url?: string; key?: string },
): Promise<Project> {
  const { url, serviceKey } = readProjectNames(told);
  if (url === undefined && serviceKey === undefined) {
    const stack = await findRunningStack(
      findDataFolder(ROOT, Deno.env.get("DATABASE_URL")),
    );
    if (stack !== undefined) {
      return { url: stack.url, serviceKey: stack.keys.secret };
    }
    throw new Error(
      "which project? Set SUPABASE_URL and SUPABASE_SECRET_KEY, or run the local stack: deno task start",
    );
  }
  if (url === undefined || !URL.canParse(url)) {
    throw new Error(
      `SUPABASE_URL or --url must be the project's URL, got "${url ?? ""}"`,
    );
  }
  if (serviceKey === undefined) {
    throw new Error(
      `the key of ${url} is missing: set SUPABASE_SECRET_KEY, or give it by --key`,
    );
  }
  return { url: url.replace(/\/+$/, ""), serviceKey };
}
