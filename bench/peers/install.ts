// Installs the other engines, and the Node.js that runs them, from the lock file in node/: only when
// the benchmark measures them, and again when the lock file has changed.
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("./node/", import.meta.url));
const STAMP = `${FOLDER}node_modules/.installed-from`;
/** Below this pg-boss and graphile-worker do not start. */
const LEAST_NODE = [22, 18];

export interface InstalledPeers {
  /** Folder of the adapters; their imports resolve there. */
  folder: string;
  node: string;
  /** Version of each package that is measured, and of Node.js. */
  versions: Record<string, string>;
}

/** Returns the installed engines and installs them first where they are missing. */
export async function installPeers(say: (line: string) => void): Promise<InstalledPeers> {
  const lock = await Deno.readTextFile(`${FOLDER}package-lock.json`);
  const hash = createHash("sha256").update(lock).digest("hex");
  if (await Deno.readTextFile(STAMP).catch(() => "") !== hash) {
    say("installing the other engines (once, about 220 MB on disk)");
    await runNpm();
    await Deno.writeTextFile(STAMP, hash);
  }
  const node = await findNode();
  return {
    folder: FOLDER,
    node: node.path,
    versions: { ...await readVersions(), node: node.version },
  };
}

async function runNpm(): Promise<void> {
  const output = await new Deno.Command("npm", {
    args: ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
    cwd: FOLDER,
    stdin: "null",
  }).output();
  if (output.success) return;
  const reason = new TextDecoder().decode(output.stderr).trim();
  throw new Error(`cannot install the other engines: npm ci failed\n${reason}`);
}

async function readVersions(): Promise<Record<string, string>> {
  const { dependencies } = JSON.parse(await Deno.readTextFile(`${FOLDER}package.json`));
  return dependencies;
}

// The pinned one where npm has it for this machine, so that runs compare; else the machine's own.
async function findNode(): Promise<{ path: string; version: string }> {
  const arch = Deno.build.arch === "aarch64" ? "arm64" : "x64";
  const pinned = `${FOLDER}node_modules/node-${Deno.build.os}-${arch}/bin/node`;
  for (const path of [pinned, "node"]) {
    const version = await readNodeVersion(path);
    if (version === undefined) continue;
    const [major, minor] = version.split(".").map(Number);
    const [leastMajor, leastMinor] = LEAST_NODE;
    if (major > leastMajor || major === leastMajor && minor >= leastMinor) return { path, version };
  }
  throw new Error(
    `cannot measure the other engines: they need Node.js ${LEAST_NODE.join(".")} or later here; ` +
      "install it, or leave them out with --only",
  );
}

async function readNodeVersion(path: string): Promise<string | undefined> {
  try {
    const { stdout } = await new Deno.Command(path, { args: ["--version"], stdin: "null" })
      .output();
    return new TextDecoder().decode(stdout).trim().replace(/^v/, "");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
