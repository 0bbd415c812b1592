// `deno task bench`: runs the parts in interleaved repeats on one server, prints the table, writes
// bench/results/latest.json.
import { measureCoreOnce } from "./core_part.ts";
import { ROOT, startBenchServer } from "./database.ts";
import { Figures } from "./figures.ts";
import { measureHttpOnce } from "./http_part.ts";
import { describeMachine } from "./machine.ts";
import { printReport, writeResults } from "./report.ts";
import { measureScaleOnce } from "./scale_part.ts";
import { HELP, readBenchSettings } from "./settings.ts";

const settings = readBenchSettings(Deno.args);
if (settings === undefined) {
  console.log(HELP);
  Deno.exit(0);
}

const startedAt = performance.now();
const say = (line: string) =>
  console.error(`· ${((performance.now() - startedAt) / 1000).toFixed(0).padStart(3)} s  ${line}`);
const figures = new Figures();
const machine = await describeMachine();
const server = await startBenchServer(say);
try {
  for (let repeat = 1; repeat <= settings.repeats; repeat++) {
    const sayRepeat = (line: string) => say(`repeat ${repeat}/${settings.repeats}: ${line}`);
    if (settings.parts.includes("core")) {
      await measureCoreOnce(server, settings, figures, sayRepeat);
    }
    if (settings.parts.includes("scale")) await measureScaleOnce(server, figures, sayRepeat);
    if (settings.parts.includes("http")) {
      await measureHttpOnce(server, settings, figures, sayRepeat);
    }
  }
} finally {
  await server.stop();
}
printReport(figures, {
  mode: settings.mode,
  repeats: settings.repeats,
  "HTTP concurrency": settings.httpConcurrency,
  "dispatch batch": settings.dispatchBatch,
  cores: machine.cores,
  cpu: machine.cpu,
  ...server.facts,
});
const file = "bench/results/latest.json";
await writeResults(`${ROOT}/${file}`, figures, settings, machine, server.facts);
console.log(`\nwritten: ${file}`);
