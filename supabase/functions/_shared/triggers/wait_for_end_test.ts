import assert from "node:assert/strict";
import { OrchestratorError } from "../contract/errors.ts";
import { MAX_WAIT_MS, readWait, waitForEnd } from "./wait_for_end.ts";

/** Statuses as they are seen, look by look; the last one stays. */
function createLooks(...statuses: string[]) {
  const it = {
    looks: 0,
    look: () => Promise.resolve({ status: statuses[Math.min(it.looks++, statuses.length - 1)] }),
  };
  return it;
}

const { signal } = new AbortController();

Deno.test("a wait is a duration up to 25 s, and none without one", () => {
  assert.deepEqual(["25s", "200ms", "0s", undefined].map(readWait), [25_000, 200, 0, 0]);
  for (const wrong of ["", "25", "26s", "1m", "-1s", "soon"]) {
    assert.throws(
      () => readWait(wrong),
      (error) => error instanceof OrchestratorError && error.kind === "invalid",
      wrong,
    );
  }
  assert.equal(MAX_WAIT_MS, 25_000);
});

Deno.test("it ends with the look that sees the end", async () => {
  const it = createLooks("running", "running", "failed");
  assert.deepEqual(await waitForEnd(it.look, 25_000, signal), { status: "failed" });
  assert.equal(it.looks, 3);
});

Deno.test("without a wait there is one look", async () => {
  const it = createLooks("running");
  assert.deepEqual(await waitForEnd(it.look, 0, signal), { status: "running" });
  assert.equal(it.looks, 1);
});

Deno.test("when the time is over it looks once more and answers what it sees", async () => {
  const it = createLooks("running");
  const began = performance.now();
  assert.deepEqual(await waitForEnd(it.look, 300, signal), { status: "running" });
  assert.ok(performance.now() - began >= 290);
  // 20, 30, 45 … ms: fewer looks than at an even pace.
  assert.ok(it.looks > 3 && it.looks <= 8, `${it.looks} looks`);
});

Deno.test("it ends when nobody listens any more", async () => {
  const hungUp = new AbortController();
  const it = createLooks("running");
  const look = () => {
    if (it.looks === 2) hungUp.abort();
    return it.look();
  };
  assert.deepEqual(await waitForEnd(look, 25_000, hungUp.signal), { status: "running" });
  assert.equal(it.looks, 3);
});
