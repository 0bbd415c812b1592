// The connection as its callers see it, against a server that answers as the Data API does.
import assert from "node:assert/strict";
import { OrchestratorError } from "../contract/errors.ts";
import { connect } from "./client.ts";

/** Answers the first `failures` calls with this code of Postgres, the others with a list of workflows. */
async function callFailing(failures: number, code: string) {
  let calls = 0;
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, () => {
    calls++;
    if (calls > failures) return Response.json([]);
    return Response.json({ code, message: "failed", details: null, hint: null }, { status: 500 });
  });
  try {
    const { rpc } = connect(`http://127.0.0.1:${server.addr.port}`, "sb_secret_client_test");
    const error = await rpc.listWorkflows().then(() => null, (error) => error);
    return { calls, error };
  } finally {
    await server.shutdown();
  }
}

Deno.test("a call that was rolled back to end a circle of waits is made again", async () => {
  for (const code of ["40P01", "40001"]) {
    assert.deepEqual(await callFailing(1, code), { calls: 2, error: null });
  }
});

Deno.test("a call that is rolled back each time is given up, as one that may succeed later", async () => {
  const { calls, error } = await callFailing(9, "40P01");
  assert.equal(calls, 3);
  assert.ok(error instanceof OrchestratorError);
  assert.equal(error.kind, "unavailable");
});

Deno.test("a call that may have changed something is not made again", async () => {
  for (const code of ["08006", "57014", "XX000"]) {
    assert.equal((await callFailing(9, code)).calls, 1);
  }
});
