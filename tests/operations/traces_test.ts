// Traces from the run to a receiver in a process of its own. The stack's loops are off: every export here was
// caused by a test.
import assert from "node:assert/strict";
import { TraceExporter } from "../../supabase/functions/_shared/tracing/exporter.ts";
import { openDatabase, type TestDatabase } from "../harness/database.ts";
import { chain, publish, writeWorkflow } from "../harness/definition.ts";
import { openStack, waitFor, waitForRun } from "../harness/stack.ts";
import { dead, drain, failure, success } from "../harness/worker.ts";
import type { ReceivedSpan } from "./otlp_receiver.ts";
import { readAttribute, type ReceiverProcess, startReceiver } from "./receiver_process.ts";

const CALLER = { trace: "4bf92f3577b34da6a3ce929d0e0e4736", span: "00f067aa0ba902b7" };

const bare = (runId: string) => runId.replaceAll("-", "");

function findSpan(spans: ReceivedSpan[], name: string, runId?: string): ReceivedSpan {
  const found = spans.filter((span) =>
    span.name === name &&
    (runId === undefined || readAttribute(span, "orchestrator.run_id") === runId)
  );
  assert.equal(found.length, 1, `spans named ${name}: ${JSON.stringify(spans, null, 1)}`);
  return found[0];
}

/** Every parent within a trace was sent too, and no id twice. */
function checkTree(spans: ReceivedSpan[], outside: string[] = []): void {
  const ids = spans.map(({ spanId }) => spanId);
  assert.equal(new Set(ids).size, ids.length, "an id was sent twice");
  const known = new Set([...spans.map((it) => it.traceId + it.spanId), ...outside]);
  for (const { traceId, parentSpanId, name } of spans) {
    assert.ok(parentSpanId === undefined || known.has(traceId + parentSpanId), `parent of ${name}`);
  }
}

interface Bench {
  db: TestDatabase;
  receiver: ReceiverProcess;
  exporter: TraceExporter;
  /** An exporter of another isolate. */
  createExporter(): TraceExporter;
  dispatch(key: string, runs?: Record<string, string>[]): Promise<string[]>;
}

/** A database whose traces go to a receiver, without functions: the test is the worker. */
async function withBench(run: (bench: Bench) => Promise<void>): Promise<void> {
  const db = await openDatabase();
  const receiver = await startReceiver();
  try {
    const env = (name: string) => name === "OTEL_EXPORTER_OTLP_ENDPOINT" ? receiver.url : undefined;
    const createExporter = () => new TraceExporter(db.connect().rpc, env);
    const exporter = createExporter();
    await exporter.keepOn();
    const dispatch: Bench["dispatch"] = async (workflow_key, runs = [{}]) => {
      // A user each: no rate limit is met.
      const requests = runs.map((more, at) => ({ user_id: `u${at}`, workflow_key, ...more }));
      const { runs: created } = await db.rpc.dispatchWorkflows({ requests, ring: false });
      return created.map(({ workflow_run_id }) => workflow_run_id!);
    };
    await run({ db, receiver, exporter, createExporter, dispatch });
  } finally {
    await receiver.kill();
    await db.close();
  }
}

const passMinutes = async ({ db }: Bench, minutes: number) => {
  await db.admin`update orchestrator.clock set shift = shift + ${`${minutes} min`}::interval`;
};

const countDue = async ({ db }: Bench) =>
  (await db.admin`select count(*)::int as n from orchestrator.traces_due`)[0].n;

Deno.test("a run is a trace, each job a span of it, each attempt a span of its job", () =>
  withBench(async (bench) => {
    const { db, receiver, exporter, dispatch } = bench;
    await publish(db.rpc, writeWorkflow("pair", chain(2)));
    const [runId] = await dispatch("pair");
    let failures = 2;
    await drain(db.rpc, (job) => job.step_id === "s2" && failures-- > 0 ? failure() : success());
    for (let retry = 0; retry < 2; retry++) {
      await passMinutes(bench, 60);
      await drain(db.rpc, (job) => failures-- > 0 ? failure() : success(job.step_id));
    }
    assert.deepEqual(await exporter.flush(), { traces_exported: 1, spans_exported: 7 });

    const spans = await receiver.readSpans();
    checkTree(spans);
    assert.deepEqual([...new Set(spans.map(({ traceId }) => traceId))], [bare(runId)]);
    const run = findSpan(spans, "pair");
    assert.equal(run.parentSpanId, undefined);
    assert.equal(readAttribute(run, "orchestrator.status"), "success");
    const job = findSpan(spans, "s2");
    assert.equal(job.parentSpanId, run.spanId);
    const attempts = spans.filter(({ parentSpanId }) => parentSpanId === job.spanId);
    assert.deepEqual(
      attempts.map((span) => [
        readAttribute(span, "orchestrator.attempt"),
        readAttribute(span, "http.response.status_code"),
        readAttribute(span, "error.type"),
        span.status.code,
        span.kind,
      ]),
      [
        ["1", "500", "http_5xx", 2, 3],
        ["2", "500", "http_5xx", 2, 3],
        ["3", "200", undefined, 0, 3],
      ],
    );
    const [row] = await db.admin`
      select (extract(epoch from created_at) * 1000000)::bigint::text || '000' as started
      from workflow_runs where workflow_run_id = ${runId}`;
    assert.equal(run.startTimeUnixNano, row.started);
    const { requests: [{ path, service }] } = await receiver.read();
    assert.equal(path, "/v1/traces");
    assert.deepEqual(service, [
      { key: "service.name", value: { stringValue: "orchestrator" } },
    ]);
  }));

Deno.test("a failed run is an error, and nothing of what failed is quoted", () =>
  withBench(async ({ db, receiver, exporter, dispatch }) => {
    await publish(db.rpc, writeWorkflow("bad", chain(2)));
    const [runId] = await dispatch("bad");
    await drain(db.rpc, () => dead({ error_text: "the agent said: my secret is 42" }));
    await exporter.flush();
    const spans = await receiver.readSpans();
    checkTree(spans);
    assert.equal(findSpan(spans, "bad", runId).status.code, 2);
    const job = findSpan(spans, "s1");
    assert.deepEqual(job.status, { code: 2, message: "http_4xx" });
    assert.equal(
      readAttribute(findSpan(spans, "s2"), "orchestrator.skip_reason"),
      "upstream_failed",
    );
    assert.ok(!JSON.stringify(spans).includes("secret"));
  }));

Deno.test("while the receiver is away traces wait, and none is lost when it is back", () =>
  withBench(async (bench) => {
    const { db, receiver, exporter, dispatch } = bench;
    await publish(db.rpc, writeWorkflow("one", chain(1)));
    const runs = await dispatch("one", Array.from({ length: 60 }, () => ({})));
    await drain(db.rpc, undefined, { batch: 50 });
    await receiver.kill();
    assert.deepEqual(await exporter.flush(), { traces_exported: 0, spans_exported: 0 });
    assert.equal(await countDue(bench), 60);

    const again = await startReceiver(receiver.port);
    try {
      await again.control({ mode: "fail", status: 503, retryAfter: "600" });
      await passMinutes(bench, 1);
      assert.equal((await exporter.flush()).traces_exported, 0);
      await again.control({ mode: "take" });
      // What was put off until the receiver's own time is left alone until then.
      assert.equal((await exporter.flush()).traces_exported, 40);
      await passMinutes(bench, 9);
      assert.equal((await exporter.flush()).traces_exported, 0);
      await passMinutes(bench, 2);
      assert.equal((await exporter.flush()).traces_exported, 20);
      const spans = await again.readSpans();
      checkTree(spans);
      assert.deepEqual(
        new Set(spans.map(({ traceId }) => traceId)),
        new Set(runs.map(bare)),
      );
      assert.equal(await countDue(bench), 0);
    } finally {
      await again.kill();
    }
  }));

Deno.test("two exporters at once send every span once", () =>
  withBench(async (bench) => {
    const { db, receiver, createExporter, dispatch } = bench;
    await publish(db.rpc, writeWorkflow("one", chain(1)));
    await dispatch("one", Array.from({ length: 150 }, () => ({})));
    await drain(db.rpc, undefined, { batch: 50 });
    const pair = [createExporter(), createExporter()];
    // Connected before they start, so that neither is done before the other begins.
    for (const exporter of pair) await exporter.keepOn();
    const counts = await Promise.all(pair.map((exporter) => exporter.flush()));
    assert.ok(counts.every(({ traces_exported }) => traces_exported > 0), JSON.stringify(counts));
    const spans = await receiver.readSpans();
    assert.equal(spans.length, 450);
    checkTree(spans);
    assert.equal(await countDue(bench), 0);
  }));

Deno.test("a run of many jobs is sent in requests of a bounded size", () =>
  withBench(async ({ db, receiver, exporter, dispatch }) => {
    await publish(
      db.rpc,
      writeWorkflow(
        "wide",
        Array.from({ length: 150 }, (_, at) => ({
          id: `s${at}`,
          call: `/functions/v1/agent-${at % 4}`,
        })),
      ),
    );
    await dispatch("wide", Array.from({ length: 8 }, () => ({})));
    await drain(db.rpc, undefined, { batch: 300 });
    // 126 jobs a page of each run: the second page of each is asked for.
    assert.deepEqual(await exporter.flush(), { traces_exported: 8, spans_exported: 8 * 301 });
    const { requests } = await receiver.read();
    assert.deepEqual(requests.map(({ spans }) => spans.length), [512, 512, 512, 512, 360]);
    checkTree(await receiver.readSpans());
  }));

Deno.test("a run that the receiver does not want does not take others with it", () =>
  withBench(async (bench) => {
    const { db, receiver, exporter, dispatch } = bench;
    await publish(db.rpc, writeWorkflow("good", chain(1)));
    await publish(db.rpc, writeWorkflow("unwanted", chain(1)));
    await dispatch("good", [{}, {}]);
    await dispatch("unwanted");
    await drain(db.rpc);
    await receiver.control({ mode: "take", refuses: "unwanted" });
    assert.equal((await exporter.flush()).traces_exported, 2);
    assert.equal(await countDue(bench), 0);
    const spans = await receiver.readSpans();
    assert.deepEqual(spans.filter(({ name }) => name === "good").length, 2);
  }));

Deno.test("what a restart in place does again comes as a second round of the same trace", () =>
  withBench(async ({ db, receiver, exporter, dispatch }) => {
    await publish(db.rpc, writeWorkflow("pair", chain(2)));
    const [runId] = await dispatch("pair");
    await drain(db.rpc, (job) => job.step_id === "s2" ? dead() : success());
    await exporter.flush();
    const first = await receiver.readSpans();
    assert.deepEqual(
      (await db.rpc.restartRun({ workflowRunId: runId, mode: "failed", ring: false })).result,
      "restarted",
    );
    assert.equal((await exporter.flush()).traces_exported, 0);
    await drain(db.rpc);
    await exporter.flush();
    const spans = await receiver.readSpans();
    checkTree(spans);
    const second = spans.slice(first.length);
    assert.deepEqual(second.map(({ name }) => name), ["pair", "s2", "POST noop"]);
    assert.deepEqual(new Set(spans.map(({ traceId }) => traceId)), new Set([bare(runId)]));
    assert.equal(second[0].parentSpanId, findSpan(first, "pair").spanId);
    assert.ok(
      BigInt(second[0].startTimeUnixNano) >= BigInt(findSpan(first, "pair").endTimeUnixNano),
    );
  }));

Deno.test("a run that was started anew as a whole is linked to the one before", () =>
  withBench(async ({ db, receiver, exporter, dispatch }) => {
    await publish(db.rpc, writeWorkflow("one", chain(1)));
    const [runId] = await dispatch("one");
    await drain(db.rpc);
    const { workflow_run_id } = await db.rpc.restartRun({
      workflowRunId: runId,
      mode: "whole",
      ring: false,
    });
    await drain(db.rpc);
    await exporter.flush();
    const spans = await receiver.readSpans();
    const { links } = findSpan(spans, "one", workflow_run_id!);
    assert.deepEqual(links, [{
      traceId: bare(runId),
      spanId: findSpan(spans, "one", runId).spanId,
    }]);
  }));

Deno.test("nothing is noted while nobody exports, nor what a caller does not record", () =>
  withBench(async (bench) => {
    const { db, dispatch, exporter, receiver } = bench;
    await publish(db.rpc, writeWorkflow("one", chain(1)));
    await dispatch("one", [{ trace_parent: `00-${CALLER.trace}-${CALLER.span}-00` }]);
    await drain(db.rpc);
    assert.equal(await countDue(bench), 0);

    await dispatch("one");
    await drain(db.rpc);
    assert.equal(await countDue(bench), 1);
    const off = new TraceExporter(db.rpc, () => undefined);
    await off.endIfOff();
    assert.equal(await countDue(bench), 0);
    await dispatch("one");
    await drain(db.rpc);
    assert.equal(await countDue(bench), 0);
    await exporter.flush();
    assert.deepEqual(await receiver.readSpans(), []);
  }));

Deno.test("what nobody took within a day is dropped, and told", () =>
  withBench(async (bench) => {
    const { db, dispatch } = bench;
    await publish(db.rpc, writeWorkflow("one", chain(1)));
    await dispatch("one");
    await drain(db.rpc);
    await passMinutes(bench, 25 * 60);
    assert.deepEqual(await db.rpc.claimTraces({ limit: 10, leaseMs: 1_000 }), {
      runs: [],
      dropped: 1,
    });
  }));

Deno.test("from the caller's headers to the receiver, with fan-out, sub-run and a killed exporter", async (t) => {
  const receiver = await startReceiver();
  const s = await openStack({
    loops: { cron: false, net: false },
    settings: { worker_linger_ms: 0 },
    env: {
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${receiver.url}/custom/path`,
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=Basic%20YTpi",
      OTEL_SERVICE_NAME: "leads",
    },
  });
  const agent = "/functions/v1/own/agent";
  s.agents.answer("own/agent", () => Response.json({ ok: true, output: [1, 2, 3] }));
  const publishSteps = (key: string, steps: Record<string, unknown>[]) =>
    publish(s.db.rpc, JSON.stringify({ key, trigger: { type: "manual" }, steps }));
  const start = async (workflow_key: string, headers: Record<string, string> = {}) => {
    const { status, body } = await s.post("orchestrator/dispatch", {
      user_id: "u",
      workflow_key,
    }, headers);
    assert.equal(status, 202, JSON.stringify(body));
    const id = body.workflow_run_id as string;
    await s.post("orchestrator/worker?wait=true");
    await waitForRun(s)(id);
    return id;
  };
  const readTrace = (runId: string, count: number) =>
    waitFor(`${count} spans of ${runId}`, async () => {
      const spans = (await receiver.readSpans()).filter((span) =>
        readAttribute(span, "orchestrator.run_id") === runId
      );
      return spans.length >= count && spans;
    }, () => s.stack.logs("orchestrator"));
  try {
    await publishSteps("child", [{ id: "only", call: agent }]);
    await publishSteps("parent", [
      { id: "find", call: agent },
      { id: "each", depends_on: ["find"], for_each: "steps.find.output", call: agent },
      { id: "sub", depends_on: ["each"], workflow: "child" },
    ]);

    await t.step("agents and the receiver see one tree under the caller's span", async () => {
      const runId = await start("parent", {
        traceparent: `00-${CALLER.trace}-${CALLER.span}-01`,
        tracestate: "vendor=value",
      });
      // Run, three jobs, three items, and an attempt of each: of `each` and `sub` as they go on.
      const spans = await readTrace(runId, 13);
      checkTree(spans, [CALLER.trace + CALLER.span]);
      const run = findSpan(spans, "parent");
      assert.equal(run.traceId, CALLER.trace);
      assert.equal(run.parentSpanId, CALLER.span);
      assert.equal(run.traceState, "vendor=value");
      const calls = s.agents.of(runId);
      assert.equal(calls.length, 4);
      const attempts = new Map(spans.filter(({ kind }) => kind === 3).map((it) => [it.spanId, it]));
      for (const { headers, stepId } of calls) {
        const [version, traceId, spanId, flags] = headers.get("traceparent")!.split("-");
        assert.deepEqual([version, traceId, flags], ["00", CALLER.trace, "01"]);
        assert.equal(headers.get("tracestate"), "vendor=value");
        assert.equal(readAttribute(attempts.get(spanId)!, "orchestrator.step"), stepId);
      }
      const items = spans.filter((span) =>
        span.kind === 1 && readAttribute(span, "orchestrator.item") !== undefined
      );
      const own = spans.find((span) =>
        span.name === "each" && readAttribute(span, "orchestrator.item") === undefined
      )!;
      assert.deepEqual(items.map(({ parentSpanId }) => parentSpanId), Array(3).fill(own.spanId));

      const [{ workflow_run_id: childId }] = await s.db.admin`
        select workflow_run_id from workflow_runs where parent_run_id = ${runId}`;
      const child = findSpan(await readTrace(childId, 3), "child");
      assert.equal(child.traceId, bare(childId));
      const sub = findSpan(spans.filter(({ parentSpanId }) => parentSpanId === run.spanId), "sub");
      assert.deepEqual(child.links, [{ traceId: CALLER.trace, spanId: sub.spanId }]);
    });

    await t.step(
      "the receiver's own address, headers and the service's name are used",
      async () => {
        const { requests: [{ path, authorization, service }] } = await receiver.read();
        assert.deepEqual([path, authorization], ["/custom/path", "Basic YTpi"]);
        assert.deepEqual(service, [{ key: "service.name", value: { stringValue: "leads" } }]);
      },
    );

    await t.step("an event's trace goes on in the runs that it starts", async () => {
      await publish(
        s.db.rpc,
        writeWorkflow("heard", [{ id: "only", call: agent }], {
          type: "event",
          event_types: ["lead.made"],
        }),
      );
      const { body } = await s.post("orchestrator/events", { user_id: "u", type: "lead.made" }, {
        traceparent: `00-${CALLER.trace}-${CALLER.span}-01`,
      });
      const [runId] = body.workflow_run_ids as string[];
      await s.post("orchestrator/worker?wait=true");
      assert.equal(findSpan(await readTrace(runId, 3), "heard").parentSpanId, CALLER.span);
    });

    await t.step(
      "a caller that records nothing has its flag passed on, also to sub-runs",
      async () => {
        const runId = await start("parent", {
          traceparent: `00-${CALLER.trace}-${CALLER.span}-00`,
        });
        const flags = s.agents.calls.slice(-5).map((call) =>
          call.headers.get("traceparent")!.slice(-2)
        );
        assert.deepEqual(flags, Array(5).fill("00"));
        const [{ due }] = await s.db.admin`
        select count(*)::int as due from orchestrator.traces_due where workflow_run_id = ${runId}`;
        assert.equal(due, 0);
      },
    );

    await t.step("a header that is no traceparent is as none", async () => {
      const runId = await start("child", {
        traceparent: `00-${"0".repeat(32)}-${CALLER.span}-01`,
        tracestate: "vendor=value",
      });
      const { headers } = s.agents.of(runId)[0];
      assert.equal(headers.get("traceparent")!.split("-")[1], bare(runId));
      assert.equal(headers.get("tracestate"), null);
    });

    await t.step("an exporter that is killed while it sends leaves all to the tick", async () => {
      await waitFor("all traces before to be exported", async () => {
        const [{ n }] = await s.db.admin`
          select count(*)::int as n from orchestrator.traces_due`;
        return n === 0;
      });
      await receiver.control({ mode: "hold" });
      const runId = await start("child");
      await waitFor("a request that is held", async () => (await receiver.read()).held > 0);
      await s.stack.restartFunction("orchestrator");
      await receiver.control({ mode: "take" });
      assert.equal((await s.post("cron-orchestrator")).body.traces_exported, 0);
      await s.passTime(130_000);
      const [{ is_due }] = await s.db.admin`select orchestrator.tick_cron() as is_due`;
      assert.equal(is_due, true);
      const { status, body } = await s.post("cron-orchestrator");
      assert.deepEqual([status, body.traces_exported], [200, 1]);
      checkTree(await readTrace(runId, 3));
    });
  } finally {
    await s.close();
    await receiver.kill();
  }
});
