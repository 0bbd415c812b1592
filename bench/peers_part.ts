// The part of the benchmark with other engines: each drains no-op jobs in a Node process of its own,
// on the server of all, on a database of its own, with the settings that made it fastest.
import { type BenchServer, withDatabase } from "./database.ts";
import type { Figures } from "./figures.ts";
import { PEER_CASES } from "./peers/cases.ts";
import { type InstalledPeers, installPeers } from "./peers/install.ts";
import { measurePeer } from "./peers/run_peer.ts";
import type { BenchSettings } from "./settings.ts";

let installed: Promise<InstalledPeers> | undefined;

/** The engines, installed once a run. */
export function readyPeers(say: (line: string) => void): Promise<InstalledPeers> {
  return installed ??= installPeers(say);
}

/** Measures every engine once. */
export async function measurePeersOnce(
  server: BenchServer,
  settings: BenchSettings,
  figures: Figures,
  say: (line: string) => void,
): Promise<void> {
  const peers = await readyPeers(say);
  for (const { figure, size, engine, setting } of PEER_CASES) {
    const jobs = settings.peerJobs[size];
    say(`${engine}, ${jobs} jobs: ${JSON.stringify(setting)}`);
    const drain = { engine, setting, jobs, warmUp: settings.peerWarmUp[size] };
    const rate = await withDatabase(
      server,
      (database) => measurePeer(database, peers, drain),
      "template1",
    );
    figures.add(figure, rate);
  }
}
