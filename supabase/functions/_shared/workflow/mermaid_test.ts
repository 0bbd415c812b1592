import assert from "node:assert/strict";
import { readSettings } from "../contract/settings.ts";
import { compileWorkflow } from "./compile.ts";
import { drawMermaid } from "./mermaid.ts";

const settings = readSettings(() => undefined, {});

function draw(source: string, templates?: Record<string, string>): string[] {
  const result = compileWorkflow(source, {
    settings,
    templates: new Map(Object.entries(templates ?? {})),
  });
  assert.ok(result.ok, JSON.stringify(result));
  return drawMermaid(result.workflow).split("\n");
}

Deno.test("each kind of step has its shape, and its rules for labels", () => {
  const lines = draw(`key: shapes
trigger: { type: manual }
concurrency: { key: event.user_id, max: 2 }
steps:
  - { id: end, call: /functions/v1/agent-proxy/notify, compensate: { call: /undo } }
  - { id: each, depends_on: [end], call: /a, for_each: steps.end.output.list, success: any, max_concurrency: 3 }
  - { id: gate, depends_on: [end], wait: { event: lead.approved }, if: 'steps.end.output.n < 3' }
  - { id: nap, else_of: gate, sleep: 90s }
  - { id: child, depends_on: [gate, nap, each], workflow: other_v1, join: { at_least: 2 } }
on_failure:
  - { id: tell, call: /t }
`);
  assert.deepEqual(lines, [
    "---",
    'title: "shapes"',
    "---",
    "flowchart TD",
    '  s1(("$start<br/>at most 2 by event.user_id"))',
    '  s2["end<br/>call notify"]',
    '  s3[/"each<br/>call a<br/>for each of steps.end.output.list<br/>any must succeed, 3 at a time"/]',
    '  s4{{"gate<br/>wait for lead.approved<br/>if steps.end.output.n #lt; 3"}}',
    '  s5(["nap<br/>sleep 1m30s"])',
    '  s6[["child<br/>run other_v1<br/>join: 2 succeeded"]]',
    '  s7>"$failure<br/>if a step failed"]',
    '  subgraph compensate ["undo, newest first"]',
    '    s8["end.$compensate<br/>call undo"]',
    "  end",
    '  subgraph on_failure ["on_failure"]',
    '    s9["tell<br/>call t"]',
    "  end",
    "  s1 --> s2",
    "  s2 --> s3",
    "  s2 -->|if| s4",
    "  s2 -->|else| s5",
    "  s3 --> s6",
    "  s4 --> s6",
    "  s5 --> s6",
    "  s3 -.-> s7",
    "  s4 -.-> s7",
    "  s5 -.-> s7",
    "  s6 -.-> s7",
    "  s2 -.->|undone by| s8",
    "  s7 ==> compensate",
    "  compensate ==> on_failure",
    "",
  ]);
});

Deno.test("what means something to Mermaid is text in a label, and long texts are cut", () => {
  const lines = draw(`key: escapes
trigger: { type: manual }
steps:
  - { id: a, call: /a, if: 'event.id == "<b>#1</b>" && event.type == "\`x\`" || event.payload.long == "y"' }
`);
  assert.equal(
    lines[4],
    '  s1["a<br/>call a<br/>if event.id == #quot;#lt;b#gt;#35;1#lt;/b#gt;#quot; #amp;#amp; event.type == ' +
      '#quot;#96;x#96;#quot; || event.…"]',
  );
});

Deno.test("a template is drawn as what it becomes, its condition as a step", () => {
  const lines = draw(
    `key: uses
trigger: { type: manual }
steps:
  - { id: a, use: pair, if: event.payload.ok }
`,
    {
      pair:
        "template: pair\nsteps: [{ id: one, call: /a }, { id: two, call: /b, depends_on: [one] }]\n",
    },
  );
  assert.deepEqual(lines.slice(4, -1), [
    '  s1{"a.$if<br/>if event.payload.ok"}',
    '  s2["a.one<br/>call a"]',
    '  s3["a<br/>call b"]',
    "  s1 --> s2",
    "  s2 --> s3",
  ]);
});
