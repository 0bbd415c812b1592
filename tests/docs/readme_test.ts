import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { drawChart } from "../../bench/chart.ts";
import {
  fillPerformance,
  fillReadme,
  formatEnvExample,
  formatSettingsTable,
  FUNCTION_VARIABLES,
  LOCAL_VARIABLES,
  readBlock,
  readResults,
} from "../../scripts/generate_env_example.ts";
import { ERROR_CLASSES, JOB_STATUSES } from "../../supabase/functions/_shared/contract/statuses.ts";
import { compileWorkflow } from "../../supabase/functions/_shared/workflow/compile.ts";
import { readSettings } from "../../supabase/functions/_shared/contract/settings.ts";
import { ROUTE_ACCESS } from "../../supabase/functions/orchestrator/routes/access.ts";
import { openDatabase } from "../harness/database.ts";

const ROOT = new URL("../../", import.meta.url);
const readText = (path: string) => Deno.readTextFile(new URL(path, ROOT));
const README = await readText("README.md");
const DOCUMENTS = [
  "README.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "CHANGELOG.md",
  "docs/architecture.md",
  "docs/glossary.md",
  "docs/integrations.md",
  "docs/monitoring.md",
  "docs/operations.md",
  "docs/performance.md",
  "docs/reliability.md",
  "docs/security.md",
];

/** The texts of all fenced blocks of a language, without the indent of a list. */
function listBlocks(text: string, language: string): string[] {
  const blocks = text.matchAll(/^( *)```(\w+)\n(.*?)^\1```$/gms);
  return [...blocks].filter((block) => block[2] === language).map(([, indent, , body]) =>
    body.split("\n").map((line) => line.slice(indent.length)).join("\n")
  );
}

Deno.test("every SQL block of the README runs on a migrated database", async () => {
  const database = await openDatabase();
  try {
    const blocks = listBlocks(README, "sql");
    assert.ok(blocks.length > 5, `found ${blocks.length} blocks`);
    for (const block of blocks) {
      await assert.doesNotReject(
        async () => await database.admin.unsafe(block),
        `this block fails:\n${block}`,
      );
    }
  } finally {
    await database.close();
  }
});

Deno.test("every task that a document names exists", async () => {
  const { tasks } = JSON.parse(await readText("deno.json")) as { tasks: Record<string, unknown> };
  for (const path of DOCUMENTS) {
    const named = (await readText(path)).matchAll(/(?:deno@2 |`(?:deno )?)task ([a-z][a-z:]*)/g);
    for (const [, name] of named) assert.ok(name in tasks, `${path} names the task ${name}`);
  }
});

Deno.test("the settings, figures and .env.example are as the code says", async () => {
  assert.equal(readBlock(README, "settings"), formatSettingsTable());
  assert.equal(README, await fillReadme(README));
  assert.equal(await readText(".env.example"), formatEnvExample());
  const performance = await readText("docs/performance.md");
  assert.equal(performance, await fillPerformance(performance));
  assert.equal(await readText("bench/results/latest.svg"), drawChart(await readResults()));
});

Deno.test(".env.example and the README name the same variables", () => {
  for (const { name } of [...FUNCTION_VARIABLES, ...LOCAL_VARIABLES]) {
    assert.ok(README.includes(`\`${name}\``), name);
  }
});

Deno.test("the README's routes are the router's, each marked with whom it is for", () => {
  const marks: Record<string, string> = {
    user: " U",
    viewer: " V",
    operator: " O",
    service: "",
    open: "",
  };
  // A row may name two routes that take and answer the same, and two rows one route.
  const documented = [...README.matchAll(/^\| (`(?:GET|POST|PUT|DELETE) \/.*?`)( [UVO])? \|/gm)]
    .flatMap(([, cell, mark = ""]) =>
      [...cell.matchAll(/`(GET|POST|PUT|DELETE) (\/[^`?]*)[^`]*`/g)]
        .map(([, method, path]) => `${method} ${path}${mark}`)
    );
  const real = Object.entries(ROUTE_ACCESS).map(([route, level]) => `${route}${marks[level]}`);
  assert.deepEqual([...new Set(documented)].sort(), real.sort());
});

Deno.test("the README's agents type-check", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const agents = listBlocks(README, "ts");
    assert.equal(agents.length, 2);
    const files: string[] = [];
    for (const [index, agent] of agents.entries()) {
      // As if it stood in a folder beside the agent kit.
      const source = agent.replaceAll('"../', `"${new URL("supabase/functions/", ROOT)}`);
      const file = `${folder}/agent_${index}.ts`;
      await Deno.writeTextFile(file, source);
      files.push(file);
    }
    const config = fileURLToPath(new URL("deno.json", ROOT));
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--config", config, ...files],
      env: { NO_COLOR: "1" },
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the README's workflow compiles", () => {
  const [source] = listBlocks(README, "yaml");
  const result = compileWorkflow(source, { settings: readSettings(() => undefined, {}) });
  assert.ok(result.ok, JSON.stringify(result));
  assert.equal(result.workflow.steps.length, 2);
});

Deno.test("every status and error class is explained", async () => {
  const glossary = await readText("docs/glossary.md");
  for (const status of JOB_STATUSES) {
    assert.match(README, new RegExp(`^\\| \`${status}\` \\|`, "m"));
  }
  for (const word of [...JOB_STATUSES, ...ERROR_CLASSES]) {
    assert.ok(glossary.includes(`\`${word}\``), `glossary: ${word}`);
  }
  for (const name of ERROR_CLASSES) assert.ok(README.includes(`\`${name}\``), `README: ${name}`);
});

Deno.test("every relative link of the documents leads somewhere", async () => {
  const decisions: string[] = [];
  for await (const { name } of Deno.readDir(new URL("docs/decisions/", ROOT))) {
    decisions.push(`docs/decisions/${name}`);
  }
  for (const path of [...DOCUMENTS, ...decisions]) {
    const text = await readText(path);
    for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [file, anchor] = target.split("#");
      const url = file === "" ? new URL(path, ROOT) : new URL(file, new URL(path, ROOT));
      await assert.doesNotReject(Deno.stat(url), `${path} links to ${target}`);
      if (anchor === undefined) continue;
      const anchors = listAnchors(await Deno.readTextFile(url));
      assert.ok(anchors.includes(anchor), `${path} links to ${target}`);
    }
  }
});

/** The anchors of a text's headings, as GitHub names them. */
function listAnchors(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading.toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-")
  );
}
