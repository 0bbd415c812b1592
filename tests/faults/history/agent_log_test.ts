import assert from "node:assert/strict";
import { AgentLog, readCalls } from "./agent_log.ts";

Deno.test("calls are read with their answers and callbacks, over the logs of several processes", async () => {
  const folder = await Deno.makeTempDir();
  const place = { run: "r", step: "s", item: -1, attempt: 1, key: "r:s:0" };
  try {
    const paths = [`${folder}/a.ndjson`, `${folder}/b.ndjson`];
    for (const path of paths) {
      const log = new AgentLog(path);
      const call = log.noteCall({ ...place, step: path });
      log.noteCall(place);
      log.noteAnswer({
        call,
        status: 202,
        verdict: "accepted",
        value: null,
        fault: null,
        delivered: true,
      });
      log.noteCallback({ call, status: 200, verdict: "success", value: "v" });
      log.close();
    }
    const calls = await readCalls(...paths);
    assert.deepEqual(calls.map(({ step }) => step), [paths[0], "s", paths[1], "s"]);
    assert.equal(calls[0].answer?.status, 202);
    assert.equal(calls[0].callbacks[0].value, "v");
    assert.equal(calls[1].answer, null);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a log that was cut off is refused and not half read", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, '{"event":"call","call":1}\n{"event":"ans');
    await assert.rejects(() => readCalls(path), /the last line is incomplete/);
  } finally {
    await Deno.remove(path);
  }
});
