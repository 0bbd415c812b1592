// Which test files run side by side and which by themselves: the calls of `deno test` that one run of the
// tests is made of.

const EVERYTHING = ["tests", "scripts", "supabase/functions", "admin", "bench"];

/** Files, or whole folders, that need the process or the machine for themselves. */
export const ALONE = [
  // They set the environment, which all files of a process have in common.
  "supabase/functions/_shared/http/auth_test.ts",
  "supabase/functions/agent-proxy/index_test.ts",
  // A server has one real pg_cron.
  "tests/extensions",
  // They measure how long something takes.
  "supabase/functions/_shared/worker/plan_items_test.ts",
  "tests/browser/first_paint_test.ts",
  "tests/stack/data_api_test.ts",
  "tests/stack/loops_test.ts",
];

/**
 * The arguments of `deno test`, call by call, for arguments such as ["--filter=a lease", "tests/path"]; without
 * a file or a folder everything is tested.
 */
export function planTestRuns(
  args: readonly string[],
  alone: readonly string[] = ALONE,
): string[][] {
  const flags = args.filter((arg) => arg.startsWith("-"));
  const named = args.filter((arg) => !arg.startsWith("-")).map(normalise);
  const paths = named.length > 0 ? named : EVERYTHING;
  const together = paths.filter((path) => !alone.some((it) => isWithin(path, it)));
  const apart = paths.flatMap((path) =>
    alone.some((it) => isWithin(path, it)) ? [path] : alone.filter((it) => isWithin(it, path))
  );
  const runs: string[][] = [];
  if (together.length > 0) {
    runs.push(["--parallel", `--ignore=${alone.join(",")}`, ...flags, ...together]);
  }
  if (apart.length > 0) runs.push([...flags, ...new Set(apart)]);
  return runs;
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

/** A path as the list writes it: from the root, without a dot before or a slash behind it. */
function normalise(path: string): string {
  return path.replace(/^\.\//, "").replace(/\/$/, "");
}
