// docs/integrations.md is true: its workflow is published, its curl lines, SQL and keys work on a running
// stack, in the order in which they stand, and its TypeScript does what it says. So do the lines of the
// README on the same subjects.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Webhook } from "standardwebhooks";
import { createSigningSecret } from "../../supabase/functions/_shared/notify/signature.ts";
import { type HttpStack, openHttpStack } from "../http/http_stack.ts";
import { createCaller } from "../operations/trigger_caller.ts";
import { countRows, isRunnable, listBlocks, readDocument, runShell } from "./run_blocks.ts";

const blocks = listBlocks(await readDocument("docs/integrations.md"));
const README = /^## Operating it$.*?(?=^## )/ms.exec(await readDocument("README.md"))![0];
const METRICS_TOKEN = "a-token-of-the-test";

async function publish({ ask }: HttpStack): Promise<void> {
  for (const { text: source } of blocks.filter(({ language }) => language === "yaml")) {
    const { status, text } = await ask("POST", "/orchestrator/workflows", { body: { source } });
    assert.equal(status, 201, text);
  }
}

async function withStack(run: (http: HttpStack) => Promise<void>): Promise<void> {
  const http = await openHttpStack({
    isSetUp: true,
    env: { ORCHESTRATOR_METRICS_TOKEN: METRICS_TOKEN },
  });
  try {
    await publish(http);
    await run(http);
  } finally {
    await http.stop();
  }
}

Deno.test("every block runs, in the order of the page", () =>
  withStack(async (http) => {
    const caller = createCaller(http);
    const key = await caller.makeKey({ workflow_keys: ["quote_v1"] });
    const spare = await caller.makeKey();
    const first = await caller.start(key, "quote_v1", {
      query: "?wait=25s",
      body: { payload: { product: "desk" } },
    });
    assert.equal(first.status, 200, first.text);
    const env = { KEY: key.key, KEY_ID: spare.key_id, RUN: String(first.body.workflow_run_id) };

    assert.deepEqual(blocks.filter((it) => it.language === "bash" && !isRunnable(it)), []);
    const printed: string[] = [];
    for (const block of blocks) {
      if (block.language === "sql") {
        const rows = await countRows(http, block.text);
        assert.ok(rows > 0 || block.text.startsWith("insert"), block.text);
      } else if (isRunnable(block)) printed.push(await runShell(http, block.text, env));
    }
    const text = printed.join("\n");
    assert.match(text, /^shown only now: wok_/m);
    assert.match(text, /"outputs":\{"price":/);
    assert.match(text, /^event: end$/m);
    assert.match(text, /"openapi":"3\.1/);
    const [event] = await http.sql`select type, user_id from intent_events`;
    assert.deepEqual({ ...event }, { type: "crm.lead", user_id: "ada" });
  }));

Deno.test("every shell block of the README's part on operating it runs", () =>
  withStack(async (http) => {
    const { key } = await createCaller(http).makeKey();
    const shell = listBlocks(README).filter(({ language }) => language === "bash");
    assert.ok(shell.length >= 4, `found ${shell.length}`);
    for (const block of shell) {
      assert.ok(isRunnable(block), block.text);
      await runShell(http, block.text, { KEY: key, ORCHESTRATOR_METRICS_TOKEN: METRICS_TOKEN });
    }
  }));

/** The page's TypeScript, as a module beside the others; the caller removes it. */
async function importSnippet(name: string) {
  const { text } = blocks.find((it) =>
    it.language === "ts" && it.text.includes(`function ${name}`)
  )!;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  const url = new URL("../../node_modules/standardwebhooks/dist/index.js", import.meta.url);
  await Deno.writeTextFile(file, text.replace("npm:standardwebhooks@1.1.1", url.href));
  try {
    return (await import(`file://${file}`))[name];
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("a notification that was signed is read, and one that was changed is not", async () => {
  const readNotification = await importSnippet("readNotification");
  const secret = createSigningSecret();
  const body = JSON.stringify({ type: "run.failed", timestamp: "2026-01-01T00:00:00Z", data: {} });
  const now = new Date();
  const request = (text: string) =>
    new Request("https://hooks.example.com/", {
      method: "POST",
      body: text,
      headers: {
        "webhook-id": "d-1",
        "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
        "webhook-signature": new Webhook(secret).sign("d-1", now, body),
      },
    });
  assert.equal((await readNotification(request(body), secret)).type, "run.failed");
  await assert.rejects(readNotification(request(`${body} `), secret));
});

Deno.test("a run is followed to its end over several connections, with all its steps", async () => {
  const followRun = await importSnippet("followRun");
  const http = await openHttpStack({ settings: { progress_stream_ms: 1000 } });
  try {
    const gate = Promise.withResolvers<void>();
    http.agents.answer("agent-proxy/notify", async () => {
      await gate.promise;
      return Response.json({ ok: true });
    });
    const { body: { workflow_run_id } } = await http.ask("POST", "/orchestrator/dispatch", {
      body: { user_id: "ada", workflow_key: "daily_instructor_v1" },
    });
    const seen: { step_id: string; status: string }[][] = [];
    let shown = 0;
    const end = await followRun(
      `${http.stack.url}/functions/v1/orchestrator/runs/${workflow_run_id}/events`,
      { apikey: http.stack.keys.secret },
      (steps: { step_id: string; status: string }[]) => {
        seen.push(steps);
        // Long enough for the first stream to have come to its end.
        if (shown++ === 0) setTimeout(() => gate.resolve(), 1500);
      },
    );
    assert.equal(end, "success");
    for (const steps of seen) assert.equal(steps.length, 3);
    assert.ok(
      seen.at(-1)!.every(({ status }) => status === "success"),
      JSON.stringify(seen.at(-1)),
    );
    assert.notEqual(seen[0][2].status, "success");
  } finally {
    await http.stop();
  }
});

Deno.test("the TypeScript of the page type-checks", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const files: string[] = [];
    for (const [index, { text }] of blocks.filter(({ language }) => language === "ts").entries()) {
      const file = `${folder}/snippet_${index}.ts`;
      await Deno.writeTextFile(
        file,
        text.replace("npm:standardwebhooks@1.1.1", "standardwebhooks"),
      );
      files.push(file);
    }
    const root = fileURLToPath(new URL("../../", import.meta.url));
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--config", `${root}deno.json`, ...files],
      cwd: root,
      env: { NO_COLOR: "1" },
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
