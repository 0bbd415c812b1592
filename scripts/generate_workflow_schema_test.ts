import assert from "node:assert/strict";
import { type Schema, Validator } from "@cfworker/json-schema";
import { parse } from "yaml";
import {
  SCHEMA_PATH,
  TEMPLATE_SCHEMA_PATH,
  writeTemplateSchema,
  writeWorkflowSchema,
} from "./generate_workflow_schema.ts";

interface SchemaNode {
  description?: string;
  properties?: Record<string, SchemaNode>;
  items?: SchemaNode;
  anyOf?: SchemaNode[];
  additionalProperties?: unknown;
  $defs?: Record<string, SchemaNode>;
  $ref?: string;
}

const WORKFLOWS = new URL("../workflows/", import.meta.url);

function listFiles(folder: string): string[] {
  const names = [...Deno.readDirSync(new URL(folder, WORKFLOWS))].map(({ name }) => name);
  return names.filter((name) => name.endsWith(".yml")).map((name) => `${folder}${name}`);
}

function makeValidator(text: string): (source: string) => boolean {
  const validator = new Validator(JSON.parse(text) as Schema, "2020-12");
  return (source) => validator.validate(parse(source)).valid;
}

Deno.test("the committed schemas are those that the contract generates", () => {
  assert.equal(Deno.readTextFileSync(SCHEMA_PATH), writeWorkflowSchema());
  assert.equal(Deno.readTextFileSync(TEMPLATE_SCHEMA_PATH), writeTemplateSchema());
});

Deno.test("every key has a description for editors and every map of ours refuses unknown keys", () => {
  const check = (node: SchemaNode, path: string, root: SchemaNode) => {
    if (node.properties !== undefined) assert.equal(node.additionalProperties, false, path);
    for (const [name, child] of Object.entries(node.properties ?? {})) {
      const reference = child.$ref?.replace("#/$defs/", "");
      const described = reference === undefined ? child : root.$defs![reference];
      assert.match(described.description ?? "", /^[A-Z`].*\.$/, `${path}.${name}`);
      check(child, `${path}.${name}`, root);
    }
    if (node.items !== undefined) check(node.items, `${path}[]`, root);
    for (const option of node.anyOf ?? []) check(option, path, root);
    for (const [name, child] of Object.entries(node.$defs ?? {})) check(child, name, root);
  };
  for (const text of [writeWorkflowSchema(), writeTemplateSchema()]) {
    const root = JSON.parse(text) as SchemaNode;
    check(root, "file", root);
  }
});

Deno.test("editors take the workflows and templates of the repository", () => {
  const isWorkflow = makeValidator(writeWorkflowSchema());
  const isTemplate = makeValidator(writeTemplateSchema());
  const workflows = [...listFiles(""), ...listFiles("examples/")];
  const templates = listFiles("templates/");
  assert.ok(workflows.length >= 4 && templates.length >= 1);
  for (const file of workflows) {
    assert.ok(isWorkflow(Deno.readTextFileSync(new URL(file, WORKFLOWS))), file);
  }
  for (const file of templates) {
    assert.ok(isTemplate(Deno.readTextFileSync(new URL(file, WORKFLOWS))), file);
  }
});

Deno.test("every example and template names its schema for the editor", () => {
  for (const [folder, schema] of [["examples/", "workflow"], ["templates/", "template"]]) {
    for (const file of listFiles(folder)) {
      const [first] = Deno.readTextFileSync(new URL(file, WORKFLOWS)).split("\n");
      assert.equal(first, `# yaml-language-server: $schema=../${schema}.schema.json`, file);
    }
  }
});

Deno.test("editors refuse what the compiler would", () => {
  const isWorkflow = makeValidator(writeWorkflowSchema());
  const write = (step: string, more = "") =>
    `key: a\ntrigger: { type: manual }\n${more}steps:\n  - ${step}\n`;
  assert.ok(isWorkflow(write("{ id: a, call: /a }")));
  const broken = [
    write("{ id: a }"),
    write("{ id: a, call: /a, sleep: 10m }"),
    write("{ id: A, call: /a }"),
    write("{ id: a, call: /a, retries: 3 }"),
    write("{ id: a, sleep: 10 }"),
    write("{ id: a, sleep: 10 minutes }"),
    write("{ id: a, call: /a, join: sometimes }"),
    write("{ id: a, call: /a, join: { at_leest: 1 } }"),
    write("{ id: a, call: /a, success: { at_least: 1, percent: 50 } }"),
    write("{ id: a, call: /a, retry: { on: [http_6xx] } }"),
    write("{ id: a, wait: { match: event.ok } }"),
    write("{ id: a, call: /a, timeout_ms: 200000 }"),
    write("{ id: a, call: /a }", "timeout: 2 h\n"),
    write("{ id: a, call: /a }", "concurrency: { max: 2 }\n"),
    write("{ id: a, call: /a }", "inputs: text\n"),
    "key: a\nsteps: [{ id: a, call: /a }]\n",
  ];
  for (const source of broken) assert.equal(isWorkflow(source), false, source);
});
