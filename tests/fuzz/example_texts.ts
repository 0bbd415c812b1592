// Every workflow and template that this repository shows to anybody: the files, and the blocks of documents.
import { readBlocks } from "../docs/document.ts";

const ROOT = new URL("../../", import.meta.url);
const FOLDERS = ["workflows/", "workflows/examples/", "workflows/templates/"];
const DOCUMENTS = ["README.md", "docs/workflows.md", "docs/integrations.md"];

export function listExampleTexts(): string[] {
  const files = FOLDERS.flatMap((folder) =>
    [...Deno.readDirSync(new URL(folder, ROOT))]
      .filter(({ name }) => name.endsWith(".yml"))
      .map(({ name }) => Deno.readTextFileSync(new URL(folder + name, ROOT)))
  );
  const blocks = DOCUMENTS.flatMap((name) => readBlocks(Deno.readTextFileSync(new URL(name, ROOT))))
    .filter(({ language }) => language === "yaml")
    .map(({ text }) => text);
  return [...files, ...blocks];
}
