// Runs one engine's drain in a Node process on a fresh database, and believes it only if no job was
// lost and none was run twice.
import type { BenchDatabase } from "../database.ts";
import type { InstalledPeers } from "./install.ts";

export interface PeerDrain {
  /** Name of the adapter in node/. */
  engine: string;
  /** What the adapter reads: concurrency, batch and the like. */
  setting: Record<string, unknown>;
  jobs: number;
  warmUp: number;
}

/** Bounds a failure only. */
const GIVE_UP_MS = 120_000;

/** Drains `jobs` queued no-op jobs; answers jobs per second. */
export async function measurePeer(
  database: BenchDatabase,
  peers: InstalledPeers,
  drain: PeerDrain,
): Promise<number> {
  const child = new Deno.Command(peers.node, {
    args: ["measure.mjs"],
    cwd: peers.folder,
    // In the environment and not among the arguments, which every user of the machine can read.
    env: {
      PEER: JSON.stringify({ ...drain, url: database.url }),
      NODE_ENV: "production",
      // What the engines do that Node advises against is none of the benchmark's reader's business.
      NODE_NO_WARNINGS: "1",
    },
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const giveUp = setTimeout(() => child.kill("SIGKILL"), GIVE_UP_MS);
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new LineStream());
  const stdin = child.stdin.getWriter();
  let answer: string | undefined;
  try {
    for await (const line of lines) {
      if (line !== "ready") {
        answer = line;
        continue;
      }
      await database.settleDown();
      await stdin.write(new TextEncoder().encode("go\n"));
    }
  } finally {
    clearTimeout(giveUp);
    await stdin.close().catch(() => {});
  }
  const { code } = await child.status;
  if (code !== 0 || answer === undefined) {
    throw new Error(`cannot measure ${drain.engine}: its process ended with code ${code}`);
  }
  return readRate(drain, answer);
}

/** Jobs per second of an adapter's last line; throws where a job was lost or doubled. */
export function readRate({ engine, jobs }: PeerDrain, answer: string): number {
  const { seconds, lost, doubled } = JSON.parse(answer) as Record<string, number>;
  if (lost !== 0 || doubled !== 0) {
    throw new Error(`${engine} lost ${lost} of ${jobs} jobs and ran ${doubled} of them twice`);
  }
  return jobs / seconds;
}

class LineStream extends TransformStream<string, string> {
  constructor() {
    let rest = "";
    super({
      transform: (chunk, controller) => {
        const lines = (rest + chunk).split("\n");
        rest = lines.pop()!;
        for (const line of lines) controller.enqueue(line);
      },
      flush: (controller) => {
        if (rest !== "") controller.enqueue(rest);
      },
    });
  }
}
