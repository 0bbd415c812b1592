import assert from "node:assert/strict";
import { buildDigest, escapeText } from "./slack.ts";

const RUN = "0198c0de-0000-7000-8000-000000000001";

function failed(error_text = "no answer"): Parameters<typeof buildDigest>[0]["messages"][number] {
  return {
    id: "msg_1",
    type: "run.failed",
    timestamp: "2026-01-01T00:00:00Z",
    data: {
      workflow_key: "orders",
      workflow_run_id: RUN,
      failed_step: { step_id: "pay", error_class: "timeout", error_text },
    },
  };
}

const readTexts = (message: ReturnType<typeof buildDigest>) =>
  message.blocks.map(({ text }) => text.text);

Deno.test("a run is told with its step and its error, and linked where the dashboard is known", () => {
  const one = { messages: [failed()], counts: { "run.failed": 1 } };
  const plain = buildDigest(one, undefined);
  assert.deepEqual(readTexts(plain), [
    `*Run failed* · orders\nstep pay: timeout: no answer\nrun ${RUN}`,
  ]);
  assert.equal(plain.text, `Run failed · orders · step pay: timeout: no answer · run ${RUN}`);
  const [linked] = readTexts(buildDigest(one, "https://admin.example.com/"));
  assert.match(linked, new RegExp(`\n<https://admin\\.example\\.com/#/runs/${RUN}\\|run ${RUN}>$`));
});

Deno.test("nobody's text can mention, link or outgrow a section", () => {
  assert.equal(escapeText("<!channel> & <a|b>"), "&lt;!channel&gt; &amp; &lt;a|b&gt;");
  const [text] = readTexts(
    buildDigest({ messages: [failed("<".repeat(9_000))], counts: { "run.failed": 1 } }, undefined),
  );
  assert.ok(text.length <= 3_000, `${text.length}`);
  assert.ok(!text.includes("<"), text);
});

Deno.test("what has no room is counted by its type", () => {
  const messages = Array.from({ length: 50 }, () => failed());
  const exact = buildDigest({ messages, counts: { "run.failed": 50 } }, undefined);
  assert.equal(exact.blocks.length, 50);
  const more = buildDigest({ messages, counts: { "run.failed": 80, "job.dead": 7 } }, undefined);
  assert.equal(more.blocks.length, 50);
  assert.equal(readTexts(more).at(-1), "and 38 more: 31 run.failed, 7 job.dead");
  assert.equal(more.text, "87 notifications: 80 run.failed, 7 job.dead");
});

Deno.test("alerts and tests are told too", () => {
  const data = {
    alert: "OrchestratorRunsFailing",
    subject: "orders",
    description: "Over 10 % fail.",
  };
  const message = { ...failed(), type: "alert.firing", data };
  assert.deepEqual(
    readTexts(buildDigest({ messages: [message], counts: { "alert.firing": 1 } }, undefined)),
    [
      "*Alert firing* · OrchestratorRunsFailing · orders\nOver 10 % fail.",
    ],
  );
});
