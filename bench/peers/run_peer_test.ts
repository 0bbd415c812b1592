import assert from "node:assert/strict";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { BenchDatabase } from "../database.ts";
import { measurePeer } from "./run_peer.ts";

const FOLDER = fileURLToPath(new URL("./node/", import.meta.url));

/** An engine without a database: `start` runs its jobs, `ended` is what it says it has of 8. */
function writeEngine(start: string, ended: number): string {
  return `export function openEngine({ setting, onCall }) {
    let left = 0;
    return {
      enqueue: (from, count) => { left += count; },
      start(from, count) { ${start} },
      stop() {},
      countOpen: () => left,
      countEnded: () => ${ended},
    };
  }`;
}

const HONEST = "for (let n = from; n < from + count; n++) { onCall(n); left--; }";

/** Measures 6 jobs after 2 for warming up; answers what happened to the database meanwhile. */
async function measure(engineSource: string) {
  const folder = await Deno.makeTempDir();
  const events: string[] = [];
  const database = {
    url: "",
    settleDown: () => Promise.resolve(events.push("settled")),
  } as unknown as BenchDatabase;
  try {
    await Deno.writeTextFile(`${folder}/engine.mjs`, engineSource);
    const rate = await measurePeer(
      database,
      { folder: FOLDER, node: "node", versions: {} },
      { engine: relative(FOLDER, `${folder}/engine`), setting: {}, jobs: 6, warmUp: 2 },
    );
    return { rate, events };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("the database is settled once, between the enqueued jobs and the clock", async () => {
  const { rate, events } = await measure(writeEngine(HONEST, 8));
  assert.ok(rate > 0 && Number.isFinite(rate));
  assert.deepEqual(events, ["settled"]);
});

Deno.test("a run in which a job was called twice is no measurement", async () => {
  await assert.rejects(measure(writeEngine(`${HONEST} onCall(from);`, 8)), /ran 1 of them twice/);
});

Deno.test("a run in which a job has no end in the database is no measurement", async () => {
  await assert.rejects(measure(writeEngine(HONEST, 7)), /lost 1 of 6 jobs/);
});

Deno.test("an engine that fails is told, and does not hang", async () => {
  await assert.rejects(measure("throw new Error('broken')"), /ended with code 1/);
});
