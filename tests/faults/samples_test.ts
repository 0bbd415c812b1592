import assert from "node:assert/strict";
import { readTrends, type Sample } from "./samples.ts";

const MEGABYTE = 1024 * 1024;

function makeSamples(memory: (at: number) => number, perRun: (at: number) => number): Sample[] {
  let databaseBytes = 0;
  return Array.from({ length: 40 }, (_, at) => ({
    atMs: at * 1000,
    memoryBytes: new Map([["worker 0", memory(at)]]),
    databaseBytes: databaseBytes += perRun(at) * 10,
    endedRuns: at * 10,
  }));
}

Deno.test("what grows at first and then stays is flat", () => {
  const samples = makeSamples((at) => Math.min(at, 8) * 10 * MEGABYTE, () => 2048);
  assert.deepEqual(readTrends(samples)?.map(({ isFlat }) => isFlat), [true, true]);
});

Deno.test("memory that goes on growing is not flat, nor are runs that cost more and more", () => {
  const samples = makeSamples((at) => at * MEGABYTE, (at) => at * 1024);
  assert.deepEqual(readTrends(samples)?.map(({ isFlat }) => isFlat), [false, false]);
});

Deno.test("nothing is said of too few samples", () => {
  assert.equal(readTrends(makeSamples(() => 1, () => 1).slice(0, 7)), null);
});
