import assert from "node:assert/strict";
import { SCHEMA_PATH, writeWorkflowSchema } from "./generate_workflow_schema.ts";

interface SchemaNode {
  description?: string;
  properties?: Record<string, SchemaNode>;
  items?: SchemaNode;
  additionalProperties?: boolean;
}

Deno.test("the committed schema is the one that the contract generates", () => {
  assert.equal(Deno.readTextFileSync(SCHEMA_PATH), writeWorkflowSchema());
});

Deno.test("every key has a description for editors and every map refuses unknown keys", () => {
  const check = (node: SchemaNode, path: string) => {
    if (node.properties !== undefined) assert.equal(node.additionalProperties, false, path);
    for (const [name, child] of Object.entries(node.properties ?? {})) {
      assert.match(child.description ?? "", /^[A-Z].*\.$/, `${path}.${name}`);
      check(child, `${path}.${name}`);
    }
    if (node.items !== undefined) check(node.items, `${path}[]`);
  };
  check(JSON.parse(writeWorkflowSchema()), "workflow");
});
