import assert from "node:assert/strict";
import fc from "fast-check";
import { listRows, writeColumns } from "./columns.ts";

Deno.test("columns have the names that any row has, and null where a row has none", () => {
  assert.deepEqual(writeColumns([{ a: 1, b: undefined }, { a: 2, c: [3] }]), {
    a: [1, 2],
    c: [null, [3]],
  });
  assert.deepEqual(writeColumns([]), {});
});

Deno.test("a list of rows is the same after it went by columns", () => {
  const row = fc.record({ id: fc.integer(), more: fc.jsonValue() }, { noNullPrototype: true });
  fc.assert(fc.property(fc.array(row, { minLength: 1 }), (rows) => {
    assert.deepEqual(listRows(writeColumns(rows)), rows);
  }));
  assert.deepEqual(listRows(null), []);
});
