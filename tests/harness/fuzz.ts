// How much the tests of tests/fuzz draw, in one place. FUZZ_RUNS multiplies it; a failure prints a seed and
// a path, which FUZZ_SEED and FUZZ_PATH take to draw the same again.
import type { Parameters } from "fast-check";

const factor = Number(Deno.env.get("FUZZ_RUNS") ?? 1);
const seed = Deno.env.get("FUZZ_SEED");
const path = Deno.env.get("FUZZ_PATH");

/** Parameters of a property that is drawn so many times where nobody asks for more. */
export function draw<T>(runs: number): Parameters<T> {
  return {
    numRuns: Math.ceil(runs * factor),
    ...(seed === undefined ? {} : { seed: Number(seed) }),
    ...(path === undefined ? {} : { path }),
  };
}
