// Random workflows with random failures, worker deaths and cancels, on the model and on the database:
// what is leased when, what agents are given and every final state must be the same. A failure prints
// the smallest case that shows it, and the seed and path to see it again.
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

Deno.test("random workflows come to the states that the model foretells", async () => {
  console.log(`${numRuns} cases, PROPERTY_SEED=${seed}`);
  let db: TestDatabase | null = null;
  try {
    const outcome = await fc.check(
      fc.asyncProperty(cases, async (it) => {
        db ??= await openDatabase();
        try {
          await compare(it, db);
        } catch (error) {
          // What the case has left behind would be leased by the next one.
          await db.close();
          db = null;
          throw error;
        }
      }),
      { numRuns, seed, ...(path === undefined ? {} : { path }) },
    );
    if (outcome.failed) throw explain(outcome);
    if (db !== null) await assertInvariants(db);
  } finally {
    await (db as TestDatabase | null)?.close();
  }
});

function explain(outcome: fc.RunDetails<[Case]>): Error {
  const { seed, counterexamplePath: path, numRuns, numShrinks, counterexample } = outcome;
  const it = counterexample![0];
  return new Error(
    [
      `case ${numRuns}, made smaller ${numShrinks} times; see it again by`,
      `PROPERTY_SEED=${seed} PROPERTY_PATH=${path} deno task test tests/property`,
      ...["workflow", "inputs", "script"].map((part) =>
        `${part}: ${JSON.stringify(it[part as keyof Case])}`
      ),
    ].join("\n"),
    { cause: outcome.errorInstance },
  );
}

async function compare(it: Case, db: TestDatabase): Promise<void> {
  const expected = await play(it, new Model(it));
  const actual = await play(it, await DatabaseEngine.open(db, it));
  const at = expected.findIndex((line, index) => line !== actual[index]);
  if (at < 0 && expected.length === actual.length) return;
  const from = at < 0 ? expected.length : at;
  throw new Error([
    "the database does something else than the model",
    ...expected.slice(0, from).map((line) => `  ${line}`),
    ...expected.slice(from).map((line) => `- ${line}`),
    ...actual.slice(from).map((line) => `+ ${line}`),
  ].join("\n"));
}
