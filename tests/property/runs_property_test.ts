// Random workflows with random failures, worker deaths and cancels, on the model and on the database:
// what is leased when, what agents are given and every final state must be the same. A failure prints
// the smallest case that shows it, and how to see it again. PROPERTY_RUNS and PROPERTY_SEED choose how
// many cases are played and which.
import fc from "fast-check";
import { openDatabase, type TestDatabase } from "../harness/database.ts";
import { assertInvariants } from "../harness/invariants.ts";
import type { Case } from "./case.ts";
import { DatabaseEngine } from "./database_engine.ts";
import { Model } from "./model.ts";
import { play } from "./play.ts";
import { cases } from "./workflows.ts";

const numRuns = Number(Deno.env.get("PROPERTY_RUNS") ?? 500);
const seed = Number(Deno.env.get("PROPERTY_SEED") ?? Date.now() % 2 ** 31);
const path = Deno.env.get("PROPERTY_PATH");

/** One database for many cases, and a new one after a case that failed: the next would lease its rest. */
class Laboratory {
  #db: TestDatabase | null = null;

  async open(): Promise<TestDatabase> {
    return this.#db ??= await openDatabase();
  }

  async close(): Promise<void> {
    await this.#db?.close();
    this.#db = null;
  }
}

Deno.test("random workflows come to the states that the model foretells", async () => {
  console.log(`${numRuns} cases, PROPERTY_SEED=${seed}`);
  const laboratory = new Laboratory();
  try {
    const property = fc.asyncProperty(cases, async (it) => {
      try {
        await compare(it, await laboratory.open());
      } catch (error) {
        await laboratory.close();
        throw error;
      }
    });
    const outcome = await fc.check(property, { numRuns, seed, ...(path ? { path } : {}) });
    if (outcome.failed) throw explain(outcome);
    await assertInvariants(await laboratory.open());
  } finally {
    await laboratory.close();
  }
});

/** Plays a case on both and throws the lines that differ. */
async function compare(it: Case, db: TestDatabase): Promise<void> {
  const expected = await play(it, new Model(it));
  const actual = await play(it, await DatabaseEngine.open(db, it));
  const length = Math.max(expected.length, actual.length);
  const from = Array.from({ length }).findIndex((_, at) => expected[at] !== actual[at]);
  if (from < 0) return;
  throw new Error([
    "the database (+) does something else than the model (-):",
    ...expected.slice(0, from).map((line) => `  ${line}`),
    ...expected.slice(from).map((line) => `- ${line}`),
    ...actual.slice(from).map((line) => `+ ${line}`),
  ].join("\n"));
}

function explain(outcome: fc.RunDetails<[Case]>): Error {
  const { seed, counterexamplePath, numRuns, numShrinks, counterexample, errorInstance } = outcome;
  const [{ workflow, inputs, script }] = counterexample!;
  const lines = [
    `case ${numRuns} fails; made smaller ${numShrinks} times:`,
    `workflow: ${JSON.stringify(workflow)}`,
    `inputs: ${JSON.stringify(inputs)}`,
    `script: ${JSON.stringify(script)}`,
    "see it again by",
    `PROPERTY_SEED=${seed} PROPERTY_PATH=${counterexamplePath} deno task test tests/property`,
  ];
  return new Error(lines.join("\n"), { cause: errorInstance });
}
