// Holds the lines between the repository's parts. It sees imports that Deno resolves and names that
// stand in the text; it does not see names that are put together at run time.
import { readImportGraphOf } from "./import_graph.ts";
import { checkImports } from "./import_rules.ts";
import { finish } from "./report.ts";
import { checkPins } from "./pin_rules.ts";
import { ROOT } from "./root.ts";
import { readSources } from "./source_text.ts";
import { checkTexts } from "./text_rules.ts";

const FOLDERS = ["supabase", "scripts", "tests", "bench", "admin", "workflows"];

const files = await readSources(ROOT, FOLDERS, [".ts", ".js", ".sql", ".toml", ".yml"]);
const modules = files.map(({ path }) => path).filter((path) => path.endsWith(".ts"));
const graph = await readImportGraphOf(ROOT, modules, `${ROOT}/deno.json`);

const dashboardConfig = "admin/deno.json";
const { imports } = JSON.parse(await Deno.readTextFile(`${ROOT}/deno.json`));

finish([
  { rule: "every import resolves", breaches: graph.problems, note: `${modules.length} modules` },
  ...checkImports(graph.edges),
  ...checkTexts(files),
  {
    rule: "the dashboard is checked with the versions that the root bundles",
    breaches: checkPins(
      dashboardConfig,
      await Deno.readTextFile(`${ROOT}/${dashboardConfig}`),
      imports,
    ),
  },
]);
