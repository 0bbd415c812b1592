import assert from "node:assert/strict";
import { z } from "zod";
import { checkData } from "./check_data.ts";

const hostile = () => JSON.parse(`{ "length": [{ "toString": 1 }] }`);

for (
  const [where, schema] of Object.entries({
    text: z.string().min(1),
    "short text": z.string().max(1),
    list: z.array(z.string()).min(1),
  })
) {
  Deno.test(`a map whose length is no number is refused as a ${where}`, () => {
    const result = checkData(z.object({ a: schema }), { a: hostile() });
    assert.equal(result.success, false);
    assert.deepEqual(result.error?.issues[0]?.path, ["a"]);
  });
}

Deno.test("a map whose length is no number comes through unchanged where any data may stand", () => {
  const result = checkData(z.object({ a: z.unknown(), b: z.string().min(1) }), {
    a: hostile(),
    b: hostile(),
  });
  assert.equal(result.success, false);
  const free = checkData(z.object({ a: z.record(z.string(), z.unknown()) }), { a: hostile() });
  assert.deepEqual(JSON.stringify(free.data), JSON.stringify({ a: hostile() }));
});
