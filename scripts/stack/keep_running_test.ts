import assert from "node:assert/strict";
import { keepRunning, type RunningServer } from "./keep_running.ts";

/** A server that ends when told so from outside, or by `stop`. */
function createServer(): RunningServer & { crash(): void; isStopped: boolean } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const server = {
    ended: promise,
    crash: resolve,
    isStopped: false,
    stop: () => {
      server.isStopped = true;
      resolve();
      return promise;
    },
  };
  return server;
}

Deno.test("a server that ends by itself is started again, until it is stopped", async () => {
  const servers = [createServer(), createServer(), createServer()];
  const started = [0, 1, 2].map(() => Promise.withResolvers<void>());
  let runs = 0;
  const said: string[] = [];
  const kept = keepRunning(servers[0], {
    name: "It",
    pauseMs: 1,
    start: () => {
      started[++runs].resolve();
      return Promise.resolve(servers[runs]);
    },
    tell: (line) => said.push(line),
  });
  servers[0].crash();
  await started[1].promise;
  servers[1].crash();
  await started[2].promise;
  await kept.stop();
  assert.equal(servers[2].isStopped, true);
  assert.equal(runs, 2);
  const lost = ["It ended by itself and is started again", "It runs again"];
  assert.deepEqual(said, [...lost, ...lost]);
});

Deno.test("a start that fails is told, and tried again after pauses that grow", async () => {
  const [first, last] = [createServer(), createServer()];
  const up = Promise.withResolvers<void>();
  const said: string[] = [];
  let attempts = 0;
  const kept = keepRunning(first, {
    name: "It",
    pauseMs: 1,
    start: () => {
      if (++attempts < 4) return Promise.reject(new Error("the memory is still in use"));
      return Promise.resolve(last);
    },
    tell: (line) => {
      said.push(line);
      if (line === "It runs again") up.resolve();
    },
  });
  first.crash();
  await up.promise;
  await kept.stop();
  const told = (pause: string) => `the memory is still in use\nthe next attempt is in ${pause} s`;
  assert.deepEqual(said.slice(1, 4), [told("0.002"), told("0.004"), told("0.008")]);
});

Deno.test("a server that is being started when everything stops is stopped as well", async () => {
  const [first, late] = [createServer(), createServer()];
  const starting = Promise.withResolvers<void>();
  const serves = Promise.withResolvers<RunningServer>();
  const kept = keepRunning(first, {
    name: "It",
    pauseMs: 1,
    start: () => {
      starting.resolve();
      return serves.promise;
    },
    tell: () => {},
  });
  first.crash();
  await starting.promise;
  const stopped = kept.stop();
  serves.resolve(late);
  await stopped;
  assert.equal(late.isStopped, true);
});

Deno.test("a stop does not wait for the pause before the next attempt", async () => {
  const first = createServer();
  const lost = Promise.withResolvers<void>();
  const kept = keepRunning(first, {
    name: "It",
    pauseMs: 3_600_000,
    start: () => Promise.reject(new Error("never asked")),
    tell: () => lost.resolve(),
  });
  first.crash();
  await lost.promise;
  await kept.stop();
});
