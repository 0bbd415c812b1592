import assert from "node:assert/strict";
import { readTraceContext } from "./trace_context.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";

const read = (traceparent: string, tracestate?: string) =>
  readTraceContext(
    new Headers({ traceparent, ...(tracestate === undefined ? {} : { tracestate }) }),
  );

Deno.test("a valid traceparent is kept with its sampled flag alone", () => {
  assert.deepEqual(read(`00-${TRACE}-${SPAN}-01`), { trace_parent: `00-${TRACE}-${SPAN}-01` });
  assert.deepEqual(read(`00-${TRACE}-${SPAN}-02`), { trace_parent: `00-${TRACE}-${SPAN}-00` });
  assert.deepEqual(read(`00-${TRACE}-${SPAN}-03`), { trace_parent: `00-${TRACE}-${SPAN}-01` });
});

Deno.test("a later version is read by what this one knows of it", () => {
  const read01 = read(`01-${TRACE}-${SPAN}-01-what-comes-later`);
  assert.deepEqual(read01, { trace_parent: `00-${TRACE}-${SPAN}-01` });
});

Deno.test("what is not valid is as if it were not there, and its state with it", () => {
  for (
    const bad of [
      "",
      "junk",
      `ff-${TRACE}-${SPAN}-01`,
      `00-${TRACE}-${SPAN}-01-more`,
      `00-${"0".repeat(32)}-${SPAN}-01`,
      `00-${TRACE}-${"0".repeat(16)}-01`,
      `00-${TRACE.toUpperCase()}-${SPAN}-01`,
      `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
      `00-${TRACE}-${SPAN}`,
    ]
  ) {
    assert.deepEqual(read(bad, "vendor=value"), {}, bad);
  }
});

Deno.test("of the state no more is passed on than must be", () => {
  const trace_parent = `00-${TRACE}-${SPAN}-01`;
  assert.deepEqual(read(trace_parent, "a=1,b=2"), { trace_parent, trace_state: "a=1,b=2" });
  assert.deepEqual(read(trace_parent, `a=${"1".repeat(511)}`), { trace_parent });
  assert.deepEqual(read(trace_parent, ""), { trace_parent });
});
