// `deno task check`: everything that can be known without a database, in seconds. Every check runs,
// also after one has failed, and says one line; what it complains about stands below that line.

interface Check {
  name: string;
  /** Arguments for deno. */
  command: string[];
}

const ROOT = decodeURI(new URL("..", import.meta.url).pathname);
const SOURCES = ["scripts", "supabase/functions", "tests", "bench"].filter(
  isFolder,
);

const CHECKS: Check[] = [
  { name: "every file is formatted", command: ["fmt", "--check"] },
  { name: "the linter finds nothing", command: ["lint"] },
  {
    name: "the lock file covers every dependency",
    command: ["install", "--frozen"],
  },
  { name: "all sources type-check", command: ["check", ...SOURCES] },
  // With the browser's types instead of the runtime's.
  {
    name: "the dashboard type-checks",
    command: ["check", "--config", "admin/deno.json", "admin/src/main.ts"],
  },
  {
    name: "imports and names keep to their side",
    command: runScript("check/boundaries.ts"),
  },
  {
    name: "every function can be deployed",
    command: runScript("check/deployable.ts"),
  },
  {
    name: "the JSON Schema of workflow files is up to date",
    command: runScript("generate_workflow_schema.ts", "--check"),
  },
  {
    name: "settings and figures in .env.example and README are up to date",
    command: runScript("generate_env_example.ts", "--check"),
  },
];

function runScript(path: string, ...args: string[]): string[] {
  return ["run", "--no-check", "-A", `scripts/${path}`, ...args];
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(ROOT + path).isDirectory;
  } catch {
    return false;
  }
}

/** Runs one check to its end; answers its lines and whether it passed. */
async function run(
  { name, command }: Check,
): Promise<{ lines: string[]; isOk: boolean }> {
  const startedAt = performance.now();
  const output = await new Deno.Command(Deno.execPath(), {
    args: command,
    cwd: ROOT,
    stdin: "null",
    env: { NO_COLOR: "1" },
  }).output();
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  if (output.success) {
    return { lines: [`ok    ${name} (${seconds} s)`], isOk: true };
  }
  const decoder = new TextDecoder();
  const said = `${decoder.decode(output.stdout)}\n${decoder.decode(output.stderr)}`.trim();
  const details = said.split("\n").filter((line) => line.trim() !== "").map((
    line,
  ) => `      ${line}`);
  return { lines: [`FAIL  ${name} (${seconds} s)`, ...details], isOk: false };
}

if (import.meta.main) {
  let failures = 0;
  const results = CHECKS.map(() => Promise.withResolvers<Awaited<ReturnType<typeof run>>>());
  const waiting = CHECKS.entries();
  const work = async () => {
    for (const [at, check] of waiting) results[at].resolve(await run(check));
  };
  // Two at a time, which is what a small machine has; the lines come in the order of the list.
  for (let lane = 0; lane < 2; lane++) work();
  for (const { promise } of results) {
    const { lines, isOk } = await promise;
    for (const line of lines) console.log(line);
    if (!isOk) failures++;
  }
  console.log(`${CHECKS.length - failures} checks passed, ${failures} failed`);
  Deno.exit(failures === 0 ? 0 : 1);
}
