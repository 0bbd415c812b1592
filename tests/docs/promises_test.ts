// Every promise of docs/reliability.md and docs/security.md names the tests that prove it, and these tests are
// there: a table has the column "Proved by", or says in a comment before it why it promises nothing.
import assert from "node:assert/strict";

const ROOT = new URL("../../", import.meta.url);
const DOCUMENTS = ["docs/reliability.md", "docs/security.md"];
const PROVED_BY = "Proved by";
const NO_PROMISES = /^<!-- no promises: .+ -->$/;
/** Every link to a TypeScript file is one to a test: its text is the test's name, its target the file. */
const TEST_LINK = /\[([^\]]+)\]\(([^)\s]+\.ts)\)/g;

interface Table {
  line: number;
  isPromised: boolean;
  head: string[];
  rows: string[][];
}

function readTables(document: string): Table[] {
  const tables: Table[] = [];
  const lines = document.split("\n");
  for (let at = 1; at < lines.length; at++) {
    if (!lines[at].startsWith("|---")) continue;
    const rows: string[][] = [];
    let end = at + 1;
    while (lines[end]?.startsWith("|")) rows.push(splitRow(lines[end++]));
    const before = lines.slice(0, at - 1).findLast((line) => line !== "") ?? "";
    tables.push({
      line: at,
      isPromised: !NO_PROMISES.test(before),
      head: splitRow(lines[at - 1]),
      rows,
    });
    at = end;
  }
  return tables;
}

function splitRow(line: string): string[] {
  return line.slice(1, -1).split("|").map((cell) => cell.trim());
}

/** What a test's name looks like in its file, where "…" stands for what the file fills in. */
function matchName(name: string): RegExp {
  const parts = name.split("…").map((part) => part.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
  return new RegExp(`\\(\\s*(["'\`])${parts.join("\\$\\{[^}]*\\}")}\\1,`);
}

/** What is wrong with the promises of a document, whose links lead from `path`. */
async function findUnproved(path: string, document: string): Promise<string[]> {
  const faults: string[] = [];
  for (const { line, isPromised, head, rows } of readTables(document)) {
    if (!isPromised) continue;
    const where = `${path}:${line}`;
    if (head.at(-1) !== PROVED_BY) faults.push(`${where}: no column "${PROVED_BY}"`);
    for (const cells of rows) {
      if (cells.length !== head.length) faults.push(`${where}: ${cells.length} cells: ${cells[0]}`);
      if (!/\]\([^)\s]+\.ts\)/.test(cells.at(-1)!)) faults.push(`${where}: no test: ${cells[0]}`);
    }
  }
  for (const [, name, target] of document.matchAll(TEST_LINK)) {
    const source = await readSource(new URL(target, new URL(path, ROOT)));
    if (source === null) faults.push(`${path}: there is no file ${target}`);
    else if (!matchName(name).test(source)) faults.push(`${path}: ${target} has no test "${name}"`);
  }
  return faults;
}

async function readSource(url: URL): Promise<string | null> {
  try {
    return await Deno.readTextFile(url);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

for (const path of DOCUMENTS) {
  Deno.test(`every promise of ${path} names its tests, and they are there`, async () => {
    const document = await Deno.readTextFile(new URL(path, ROOT));
    assert.deepEqual(await findUnproved(path, document), []);
    const promises = readTables(document).filter(({ isPromised }) => isPromised)
      .flatMap(({ rows }) => rows);
    assert.ok(promises.length > 30, `found ${promises.length} promises`);
  });
}

Deno.test("a promise without a test, of a file or a name that is not there, is found", async () => {
  const HERE = "../tests/docs/promises_test.ts";
  const faults = await findUnproved(
    "docs/made_up.md",
    `
| What | Promise | Proved by |
|---|---|---|
| a | it is so | [every promise of … names its tests, and they are there](${HERE}) |
| b | it is so | we believe it |
| c | it is so | [no such file](../tests/docs/nowhere_test.ts) |
| d | it is so | [every promise of … names its tests](${HERE}) |

| What | Promise |
|---|---|
| e | it is so, see [x](../tests/docs/nowhere_test.ts) |

<!-- no promises: a list of names -->

| Who | What |
|---|---|
| f | nothing |
`,
  );
  assert.deepEqual(faults, [
    "docs/made_up.md:2: no test: b",
    'docs/made_up.md:9: no column "Proved by"',
    "docs/made_up.md: there is no file ../tests/docs/nowhere_test.ts",
    `docs/made_up.md: ${HERE} has no test "every promise of … names its tests"`,
    "docs/made_up.md: there is no file ../tests/docs/nowhere_test.ts",
  ]);
});
