// A Slack channel gets digests: one message a second at the most, whatever happens, and nothing is lost.
import assert from "node:assert/strict";
import { waitFor } from "../harness/stack.ts";
import type { Json } from "../http/http_stack.ts";
import { openNotificationStack } from "./notification_stack.ts";

const it = await openNotificationStack(1);
Deno.test.afterAll(() => it.stop());
const [slack] = it.receivers;

const CHANNEL = {
  kind: "slack",
  url: `${slack.url}/T0/B0/x`,
  types: ["run.failed", "alert.firing"],
};

interface SlackBody extends Json {
  text: string;
  blocks: { type: string; text: { type: string; text: string } }[];
}

function readMessages(): SlackBody[] {
  return slack.received.map(({ body }) => body as SlackBody);
}

/** How many notifications the messages told of. */
function countTold(): number {
  return readMessages().reduce((sum, { text }) => {
    const digest = /^(\d+) notifications/.exec(text);
    return sum + (digest === null ? 1 : Number(digest[1]));
  }, 0);
}

async function raiseAlerts(from: number, to: number): Promise<void> {
  await it.sql`
    select orchestrator.notify('alert.firing', null, null, null, jsonb_build_object('alert', 'A' || n))
    from generate_series(${from}::int, ${to}::int) as n`;
}

Deno.test("a channel is told of a run in words, without markup of strangers", async () => {
  await it.clear();
  assert.equal("secret" in await it.save("chat", CHANNEL), false);
  const runId = await it.run("bad");
  await waitFor("a message", () => slack.received.length === 1);
  const [{ method, path, headers }] = slack.received;
  assert.deepEqual([method, path], ["POST", "/hook/T0/B0/x"]);
  assert.ok(!("authorization" in headers) && !("webhook-signature" in headers));
  const [{ text, blocks }] = readMessages();
  assert.deepEqual(blocks.map((block) => block.text), [{
    type: "mrkdwn",
    text:
      `*Run failed* · bad\nstep only: agent_error: the &lt;b&gt;card&lt;/b&gt; was declined\nrun ${runId}`,
  }]);
  assert.match(text, /^Run failed · bad/);
});

Deno.test("200 notifications within seconds are a few messages, a second apart", async () => {
  await it.clear();
  await it.save("chat", CHANNEL);
  let raised = 0;
  const raise = async (count: number) => {
    await raiseAlerts(raised + 1, raised + count);
    raised += count;
  };
  for (let batch = 0; batch < 20; batch++) await raise(10);
  // On and on, until it had reason for a third message.
  await waitFor("three messages", async () => {
    await raise(1);
    return slack.received.length >= 3;
  });
  await waitFor("all to be told", () => countTold() >= raised, () => `${countTold()} of ${raised}`);
  assert.equal(countTold(), raised);
  assert.ok(slack.received.length <= 6, `${slack.received.length} messages`);
  // The tokens are a second apart; how long a call takes from there differs a little.
  const gaps = slack.received.slice(1).map(({ at }, index) => at - slack.received[index].at);
  const spanMs = gaps.reduce((sum, ms) => sum + ms);
  assert.ok(spanMs >= gaps.length * 1_000 - 400 && gaps.every((ms) => ms >= 600), `${gaps} ms`);
  for (const { blocks } of readMessages()) {
    assert.ok(blocks.length <= 50 && blocks.every((block) => block.text.text.length <= 3_000));
  }
  await waitFor("nothing to be open", async () => {
    const rows = await it.listDeliveries("chat");
    return rows.every(({ status }) => status === "delivered");
  });
});

Deno.test("what comes while a channel is away goes along with the next attempt", async () => {
  await it.clear();
  await it.save("chat", CHANNEL);
  slack.reply = () =>
    new Response("rate_limited", { status: 429, headers: { "retry-after": "20" } });
  await raiseAlerts(1, 1);
  const wait = await waitFor("the attempt to be settled", async () => {
    const [row] = await it.sql`
      select extract(epoch from next_run_at - orchestrator.now())::float as wait_s from job_queue
      where agent = 'deliveries' and status = 'failed' and next_run_at < 'infinity'`;
    return row !== undefined && row.wait_s as number;
  });
  assert.ok(wait > 15 && wait <= 20, `${wait} s`);
  await raiseAlerts(2, 9);
  await it.wake();
  const [open, ...others] = await it.listDeliveries("chat");
  assert.deepEqual([open.status, others.length], ["pending", 0]);
  slack.clear();
  await it.passTime(21_000);
  await it.wake();
  await waitFor("the message", () => slack.received.length === 1);
  assert.equal(readMessages()[0].text, "9 notifications: 9 alert.firing");
});

Deno.test("a channel that was archived is disabled, and told again after its replay", async () => {
  await it.clear();
  await it.save("chat", CHANNEL);
  slack.reply = () => new Response("channel_is_archived", { status: 410 });
  await raiseAlerts(1, 1);
  await waitFor("it to be disabled", async () => {
    const { body } = await it.ask("GET", "/orchestrator/destinations/chat");
    return body.disabled_reason === "it answered status 410: channel_is_archived";
  });
  await raiseAlerts(2, 3);
  slack.clear();
  assert.equal((await it.post("/destinations/chat/enable")).held, 2);
  const range = { from: "2000-01-01T00:00:00Z", to: "2100-01-01T00:00:00Z" };
  assert.equal((await it.post("/destinations/chat/replay", range)).replayed, 3);
  await waitFor("the message", () => slack.received.length === 1);
  assert.equal(readMessages()[0].blocks.length, 3);
  // Its dead letter tried again by hand finds nothing left, and sends nothing.
  const [{ job_id }] = await it.sql`
    select job_id from job_queue where agent = 'deliveries' and status = 'dead' order by job_id desc limit 1`;
  await it.post(`/jobs/${job_id}/retry`);
  await it.wake();
  await waitFor("its end", async () => {
    const [row] = await it.sql`select status, error_text from job_queue where job_id = ${job_id}`;
    return row.status === "dead" &&
      /went with another delivery|newer delivery/.test(row.error_text);
  });
  assert.equal(slack.received.length, 1);
});

Deno.test("a test message of a channel that has an open delivery goes along with it", async () => {
  await it.clear();
  await it.save("chat", CHANNEL);
  slack.reply = () => new Response(null, { status: 500 });
  const first = await it.post("/destinations/chat/test");
  await waitFor("an attempt", () => slack.received.length === 1);
  const second = await it.post("/destinations/chat/test");
  assert.equal(second.workflow_run_id, first.workflow_run_id);
});
