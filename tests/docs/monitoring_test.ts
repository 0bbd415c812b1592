// docs/monitoring.md lists what is there: the metrics, the alert rules, and the files for Prometheus and
// Grafana. Its commands are run by operations_test.ts.
import assert from "node:assert/strict";
import { openDatabase } from "../harness/database.ts";
import { readTable } from "./document.ts";
import { listBlocks, readDocument } from "./run_blocks.ts";

const TEXT = await readDocument("docs/monitoring.md");
const blocks = listBlocks(TEXT);

Deno.test("the metrics and the alert rules are those of the database", async () => {
  const db = await openDatabase();
  try {
    const families = await db.admin<{ name: string; type: string; labels: string[] }[]>`
      select name, type, labels from orchestrator.metric_families`;
    const metrics = readTable(TEXT, "metrics").map(([name, type, labels]) =>
      [name.slice(1, -1), type, labels.replaceAll("`", "").replaceAll(", ", ",")].join(" ")
    );
    const known = families.map(({ name, type, labels }) =>
      [name, type, labels.join(",")].join(" ")
    );
    assert.deepEqual(metrics.sort(), known.sort());

    const rules = await db.admin<Record<string, string>[]>`
      select name, severity, extract(epoch from for_span)::int / 60 as minutes, description
      from orchestrator_alert_rules order by name`;
    assert.deepEqual(
      readTable(TEXT, "alerts"),
      rules.map(({ name, severity, minutes, description }) => [
        `\`${name}\``,
        severity,
        Number(minutes) === 0 ? "at once" : `${minutes} min`,
        description,
      ]),
    );
  } finally {
    await db.close();
  }
});

Deno.test("the files for Prometheus are what the page says, and promtool takes them", async () => {
  const config = await readDocument("monitoring/prometheus/prometheus.yml");
  const [shown] = blocks.filter(({ language }) => language === "yaml");
  assert.ok(config.includes(shown.text), shown.text);
  const commands = blocks.find(({ text }) => text.includes("promtool "))!;
  const { success, stderr } = await new Deno.Command("sh", {
    args: ["-ec", commands.text],
    cwd: new URL("../../", import.meta.url),
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  for (const [, name] of TEXT.matchAll(/^\| `(\w+\.json)` \|/gm)) {
    await readDocument(`monitoring/grafana/${name}`);
  }
});
