// Which test files there are, which of them run side by side and which by themselves: the calls of
// `deno test` that one run of the tests is made of.

const EVERYTHING = ["tests", "scripts", "supabase/functions", "admin", "bench"];

/** As `deno test` knows them. */
const TEST_FILE = /(^|[_.])test\.[cm]?[jt]sx?$/;

/** Files, or whole folders, that need the process or the machine for themselves. */
export const ALONE = [
  // They set the environment, which all files of a process have in common.
  "supabase/functions/_shared/http/auth_test.ts",
  "supabase/functions/agent-proxy/index_test.ts",
  // A server has one real pg_cron.
  "tests/extensions",
  // They load the machine, and some kill servers and workers and wait for what is left to recover.
  "tests/faults",
  "tests/load",
  "tests/recovery",
  // They measure how long something takes, or what is done at times.
  "supabase/functions/_shared/worker/plan_items_test.ts",
  "tests/browser/first_paint_test.ts",
  "tests/operations/progress_test.ts",
  "tests/path/3_queue_marks_test.ts",
  "tests/stack/data_api_test.ts",
  "tests/stack/loops_test.ts",
];

/**
 * The test files of the folder `root`, from there: those named, those in the folders named, or all. Not by
 * `deno test` itself, whose --ignore forgets files when several folders are named (Deno 2.9).
 */
export async function listTestFiles(root: string, named: readonly string[]): Promise<string[]> {
  const files = new Set<string>();
  for (const path of named.length > 0 ? named.map(normalise) : EVERYTHING) {
    const found = await listFiles(root, path);
    if (found.length === 0) throw new Error(`cannot test ${path}: there is no test in it`);
    for (const file of found) files.add(file);
  }
  return [...files];
}

/** The arguments of `deno test`, call by call; the flags go to every call. */
export function planTestRuns(
  files: readonly string[],
  flags: readonly string[],
  alone: readonly string[] = ALONE,
): string[][] {
  const isAlone = (file: string) =>
    alone.some((path) => file === path || file.startsWith(`${path}/`));
  const together = files.filter((file) => !isAlone(file));
  const apart = files.filter(isAlone);
  const runs: string[][] = [];
  if (together.length > 0) runs.push(["--parallel", ...flags, ...together]);
  if (apart.length > 0) runs.push([...flags, ...apart]);
  return runs;
}

/** A path as the list writes it: from the root, without a dot before or a slash behind it. */
function normalise(path: string): string {
  return path.replace(/^\.\//, "").replace(/\/$/, "");
}

async function listFiles(root: string, path: string): Promise<string[]> {
  const { isDirectory } = await Deno.stat(`${root}/${path}`).catch((cause) => {
    throw new Error(`cannot test ${path}: there is no such file or folder`, { cause });
  });
  // A file that is named is one to test, whatever its name.
  if (!isDirectory) return [path];
  const files: string[] = [];
  const entries = await Array.fromAsync(Deno.readDir(`${root}/${path}`));
  for (const entry of entries.sort((a, b) => a.name < b.name ? -1 : 1)) {
    if (entry.isDirectory && entry.name !== "node_modules") {
      files.push(...await listFiles(root, `${path}/${entry.name}`));
    } else if (entry.isFile && TEST_FILE.test(entry.name)) files.push(`${path}/${entry.name}`);
  }
  return files;
}
