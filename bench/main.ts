// `deno task bench`: runs the parts on one server, in interleaved repeats where a part repeats, prints
// the table, writes the results and their chart.
import { measureBacklogOnce } from "./backlog_part.ts";
import { drawChart } from "./chart.ts";
import { measureBatchesOnce, measureCoreOnce } from "./core_part.ts";
import { ROOT, startBenchServer } from "./database.ts";
import { Figures } from "./figures.ts";
import { measureGrowthOnce } from "./growth_part.ts";
import { measureHttpOnce, measureMemoryOnce } from "./http_part.ts";
import { describeMachine } from "./machine.ts";
import { measurePeersOnce, readyPeers } from "./peers_part.ts";
import { flattenResults, printReport } from "./report.ts";
import { measureScaleOnce } from "./scale_part.ts";
import { HELP, type Part, readBenchSettings } from "./settings.ts";
import { measureSoakOnce } from "./soak_part.ts";

const settings = readBenchSettings(Deno.args);
if (settings === undefined) {
  console.log(HELP);
  Deno.exit(0);
}

const startedAt = performance.now();
const readSeconds = () => (performance.now() - startedAt) / 1000;
const say = (line: string) => console.error(`· ${readSeconds().toFixed(0).padStart(3)} s  ${line}`);
const figures = new Figures();
const machine = await describeMachine();
const peers = settings.parts.includes("peers") ? await readyPeers(say) : undefined;
const server = await startBenchServer(say);

type Measure = (say: (line: string) => void) => Promise<void>;
const MEASURES: Record<Part, Measure> = {
  growth: (say) => measureGrowthOnce(server, settings, figures, say),
  soak: (say) => measureSoakOnce(server, figures, say),
  backlog: (say) => measureBacklogOnce(server, figures, say),
  memory: (say) => measureMemoryOnce(server, settings, figures, say),
  batches: (say) => measureBatchesOnce(server, settings, figures, say),
  scale: (say) => measureScaleOnce(server, figures, say),
  core: (say) => measureCoreOnce(server, settings, figures, say),
  peers: (say) => measurePeersOnce(server, settings, figures, say),
  http: (say) => measureHttpOnce(server, settings, figures, say),
};
const once = settings.parts.filter((part) => settings.once.includes(part));
const repeated = settings.parts.filter((part) => !settings.once.includes(part));

let repeats = 0;
try {
  for (const part of once) await MEASURES[part](say);
  for (let longestS = 0; repeats < settings.repeats && repeated.length > 0; repeats++) {
    const repeatedAt = readSeconds();
    if (repeats > 0 && repeatedAt + longestS > settings.budgetS) break;
    const sayRepeat = (line: string) => say(`repeat ${repeats + 1}/${settings.repeats}: ${line}`);
    for (const part of repeated) await MEASURES[part](sayRepeat);
    longestS = Math.max(longestS, readSeconds() - repeatedAt);
  }
} finally {
  await server.stop();
}
const results = flattenResults(figures, {
  settings,
  repeats: Math.max(repeats, 1),
  machine,
  postgres: server.facts,
  peers: peers?.versions ?? {},
});
printReport(figures, results);
const file = `bench/results/${settings.isWhole ? "latest" : "part"}`;
await Deno.writeTextFile(`${ROOT}/${file}.json`, JSON.stringify(results, null, 2) + "\n");
console.log(`\nwritten: ${file}.json`);
if (settings.isWhole) {
  await Deno.writeTextFile(`${ROOT}/${file}.svg`, drawChart(results));
  console.log(
    `written: ${file}.svg\nREADME and docs take them over: deno run -A scripts/generate_env_example.ts`,
  );
}
