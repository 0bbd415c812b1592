// The page of one run: why each step stands where it stands, in a graph, in a table and step by step.
import assert from "node:assert/strict";
import { waitForRun } from "../harness/stack.ts";
import { openDashboard } from "./dashboard.ts";
import { publishText } from "./workflow_texts.ts";

const d = await openDashboard();
Deno.test.afterAll(() => d.close());
const endOf = waitForRun(d);

d.test("a step that was skipped says which condition was false, and one that waits says for what", async ({ page, go }) => {
  await publishText(
    d,
    `{
    key: branches, trigger: { type: manual }, steps: [
      { id: big, if: "inputs.?size.orValue(0) > 10", call: /functions/v1/agent-proxy/noop },
      { id: held, call: /functions/v1/own/held },
      { id: behind, depends_on: [held], call: /functions/v1/agent-proxy/noop }
    ]
  }`,
  );
  d.agents.hold("own/held");
  const [id] = await d.enqueue("branches", [{ payload: { size: 3 } }]);
  await d.post("orchestrator/worker");
  await go(`/runs/${id}?step=big`);
  const big = page.getByRole("region", { name: "big" });
  await big.getByText("Skipped: its condition is false").waitFor();
  await big.getByText("orValue(0) > 10").first().waitFor();
  await page.getByRole("button", { name: /^behind/ }).click();
  await page.getByRole("region", { name: "behind" }).getByText("Waits for held").waitFor();
});

d.test("the request of a step shows what the agent got, and no secret", async ({ page, go }) => {
  await publishText(
    d,
    `{
    key: asked, trigger: { type: manual }, steps: [
      { id: tell, call: /functions/v1/agent-proxy/noop, with: { text: "hello \${{ run.user_id }}" } }
    ]
  }`,
  );
  const [id] = await d.enqueue("asked", [{ user: "ada" }]);
  await d.post("orchestrator/worker");
  await endOf(id);
  await go(`/runs/${id}?step=tell`);
  const panel = page.getByRole("region", { name: "tell" });
  await panel.getByText("hello ada").first().waitFor();
  await panel.getByText("Request line and headers").click();
  const headers = await panel.getByLabel("Request line and headers").innerText();
  assert.match(headers, /^POST http/);
  assert.match(headers, /x-idempotency-key: /i);
  const { secret, serviceRoleJwt } = d.stack.keys;
  for (const key of [secret, serviceRoleJwt]) {
    assert.ok(!(await page.content()).includes(key));
  }
});

d.test("the tab Steps lists the steps of the graph, and both open the same panel", async ({ page, go }) => {
  await d.publish("diamond", [
    { id: "top" },
    { id: "left", depends_on: ["top"] },
    { id: "right", depends_on: ["top"] },
    { id: "bottom", depends_on: ["left", "right"] },
  ]);
  const [id] = await d.enqueue("diamond");
  await d.post("orchestrator/worker");
  await endOf(id);
  await go(`/runs/${id}`);
  const graph = page.getByRole("group", { name: /Steps as a graph/ });
  await graph.getByRole("button").first().waitFor();
  const drawn = await graph.getByRole("button").evaluateAll((nodes) =>
    nodes.map((node) => node.getAttribute("title"))
  );
  await page.getByRole("link", { name: "Steps", exact: true }).click();
  const rows = page.getByRole("region", { name: "Steps of this run" }).getByRole("button");
  await rows.first().waitFor();
  assert.deepEqual((await rows.allInnerTexts()).sort(), drawn.sort());
  assert.deepEqual(drawn.sort(), ["bottom", "left", "right", "top"]);
  await rows.getByText("right").click();
  await page.getByRole("region", { name: "right" }).waitFor();
  await page.getByRole("link", { name: "Timeline" }).click();
  await page.getByText("bottom").first().waitFor();
});

d.test("arrow keys walk the graph and Enter opens a step", async ({ page, go }) => {
  const [id] = await d.enqueue("diamond");
  await go(`/runs/${id}`);
  await page.getByRole("button", { name: /^top/ }).focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => /step=(left|right)/.test(location.hash));
});

d.test("a run of more than 300 steps shows the list first, and draws the graph if asked", async ({ page, go }) => {
  const steps = Array.from({ length: 301 }, (_, at) => ({
    id: `s${at}`,
    depends_on: at % 10 === 0 ? [] : [`s${at - 1}`],
  }));
  await d.publish("many", steps);
  const [id] = await d.enqueue("many");
  await go(`/runs/${id}`);
  await page.getByRole("region", { name: "Steps of this run" }).waitFor();
  assert.equal(
    await page.getByRole("region", { name: "Steps of this run" }).getByRole("row").count(),
    302,
  );
  await page.getByRole("link", { name: "Graph", exact: true }).click();
  await page.getByRole("button", { name: "Draw it all the same" }).click();
  await page.getByRole("button", { name: /^s300/ }).waitFor();
});

d.test("a run that is gone says so and leads back to the runs", async ({ page, go, foresee }) => {
  foresee(/status of 40[04]/);
  for (const id of ["01890000-0000-7000-8000-000000000000", "nonsense"]) {
    await go(`/runs/${id}`);
    await page.getByRole("heading", { level: 1, name: "This run is not there" }).waitFor();
  }
  await page.getByRole("link", { name: "Go to all runs" }).click();
  await page.getByRole("heading", { level: 1, name: "Runs" }).waitFor();
});
