// The projects of an upgrade: the first release, with its functions and migrations, and what comes later.
import { fileURLToPath } from "node:url";
import { readReleases } from "../../scripts/release/released_migrations.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
const LATER = fileURLToPath(new URL("./later_migrations", import.meta.url));
const PARTS = ["supabase", "workflows", "deno.json"];

export interface Project {
  root: string;
  remove(): Promise<void>;
}

/** The first release as it was tagged; before there is one, this project as it is. */
export async function checkOutFirstRelease(): Promise<Project> {
  const [first] = await readReleases(ROOT);
  return await makeProject(async (root) => {
    const source = first === undefined
      ? `tar --exclude=node_modules -cf - ${PARTS.join(" ")}`
      : `git archive v${first.version} ${PARTS.join(" ")}`;
    await runShell(`${source} | tar -xf - -C "${root}"`);
  });
}

/** Every migration of today, and behind them the ones that stand for those to come, or the one given. */
export async function makeLaterProject(more?: { name: string; sql: string }): Promise<Project> {
  return await makeProject(async (root) => {
    await runShell(`tar -cf - supabase/migrations supabase/config.toml | tar -xf - -C "${root}"`);
    const migrations = `${root}/supabase/migrations`;
    if (more === undefined) await runShell(`cp "${LATER}"/*.sql "${migrations}"`);
    else await Deno.writeTextFile(`${migrations}/${more.name}`, more.sql);
  });
}

async function makeProject(fill: (root: string) => Promise<void>): Promise<Project> {
  const root = await Deno.makeTempDir({ prefix: "upgrade-", dir: "/var/tmp" });
  await fill(root);
  return { root, remove: () => Deno.remove(root, { recursive: true }) };
}

async function runShell(command: string): Promise<void> {
  const output = await new Deno.Command("bash", {
    args: ["-o", "pipefail", "-c", command],
    cwd: ROOT,
  }).output();
  if (!output.success) {
    throw new Error(`${command} failed:\n${new TextDecoder().decode(output.stderr)}`);
  }
}
