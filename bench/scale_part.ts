// The part of the benchmark that asks whether cost grows with size: fan-outs and wide graphs, small and
// large in turn.
import { type BenchServer, withDatabase } from "./database.ts";
import type { Figures } from "./figures.ts";
import { MANY_CONNECTIONS } from "./settings.ts";
import { measureFanOut, measureItems } from "./ours/fan_out.ts";
import { measureWideGraph } from "./ours/wide_graph.ts";

const BATCH = 100;
const ITEMS = { small: 100, large: 1_000, parallel: 10_000 };
/** As many steps in all, whatever the size of one run. */
const STEPS = { small: 50, large: 5_000 };

/** Measures every size once, each on a database of its own. */
export async function measureScaleOnce(
  server: BenchServer,
  figures: Figures,
  say: (line: string) => void,
): Promise<void> {
  const fanOut = async (items: number) => {
    say(`two fan-outs over ${items} items`);
    return await withDatabase(
      server,
      (database) => measureFanOut(database, { items, batch: BATCH }),
    );
  };
  const small = await fanOut(ITEMS.small);
  const large = await fanOut(ITEMS.large);
  figures.add("fanout_100_ms", small * 1_000);
  figures.add("fanout_1000_ms", large * 1_000);
  figures.add("fanout_1000_over_100", large / small);
  const settleItems = async (connections: number) => {
    say(`${ITEMS.parallel} items of one run, ${connections} connection(s)`);
    return await withDatabase(
      server,
      (database) => measureItems(database, { items: ITEMS.parallel, batch: BATCH, connections }),
    );
  };
  const one = await settleItems(1);
  const many = await settleItems(MANY_CONNECTIONS);
  figures.add("fanout_items_per_s", ITEMS.parallel / one);
  figures.add("fanout_items_per_s_4conn", ITEMS.parallel / many);
  figures.add("fanout_4conn_over_1", one / many);

  say(`graphs of ${STEPS.small} steps`);
  const narrow = await withDatabase(
    server,
    (database) =>
      measureWideGraph(database, {
        steps: STEPS.small,
        runs: STEPS.large / STEPS.small,
        batch: BATCH,
      }),
  );
  say(`graphs of ${STEPS.large} steps`);
  const wide = await withDatabase(
    server,
    (database) => measureWideGraph(database, { steps: STEPS.large, runs: 1, batch: BATCH }),
  );
  figures.add("publish_5000_steps_ms", wide.publishMs);
  figures.add("dispatch_5000_steps_ms", wide.dispatchMs);
  figures.add("step_of_50_ms", narrow.drainMsPerStep);
  figures.add("step_of_5000_ms", wide.drainMsPerStep);
  figures.add("step_of_5000_over_50", wide.drainMsPerStep / narrow.drainMsPerStep);
}
