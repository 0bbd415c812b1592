// Runs one function in a process of its own with what the hosted edge runtime gives and without what
// it lacks. Started by functions.ts with the function's own deno.json, so it imports nothing.

type Handler = (request: Request, info: Deno.ServeHandlerInfo) => Response | Promise<Response>;

/** How long background work may go on after SIGTERM; the hosted runtime is not generous either. */
const GRACE_MS = 1000;

// Of the APIs that hosted functions lack, those whose use would only fail after a deploy.
const MISSING_IN_DENO = [
  "Command",
  "consoleSize",
  "chown",
  "cron",
  "dlopen",
  "kill",
  "listen",
  "listenDatagram",
  "listenTls",
  "openKv",
  "run",
  "watchFs",
];

const [entrypoint] = Deno.args;
const readyMark = Deno.env.get("STACK_READY_MARK");
Deno.env.delete("STACK_READY_MARK");

const background = new Set<Promise<unknown>>();
let server: Deno.HttpServer<Deno.NetAddr> | undefined;

function serve(handler: Handler): Deno.HttpServer<Deno.NetAddr> {
  server = realServe({
    hostname: "127.0.0.1",
    port: 0,
    onListen: ({ port }) => {
      Deno.stdout.writeSync(new TextEncoder().encode(`\n${readyMark} ${port}\n`));
    },
  }, handler);
  return server;
}

const realServe = Deno.serve;
const exit = Deno.exit;
const stdin = Deno.stdin;
const addSignalListener = Deno.addSignalListener;

Object.defineProperty(Deno, "serve", {
  value: (first: unknown, second?: Handler) => {
    const handler = second ?? (typeof first === "function" ? first : undefined) ??
      (first as { handler?: Handler }).handler;
    if (typeof handler !== "function") throw new TypeError("Deno.serve: a handler is needed");
    return serve(handler as Handler);
  },
});

Object.defineProperty(globalThis, "EdgeRuntime", {
  value: {
    waitUntil: (promise: Promise<unknown>) => {
      const settled = Promise.resolve(promise).catch((error) => {
        console.error("background work failed:", error);
      }).finally(() => background.delete(settled));
      background.add(settled);
      return promise;
    },
  },
});

for (const name of MISSING_IN_DENO) {
  Object.defineProperty(Deno, name, { get: () => failMissing(`Deno.${name}`) });
}
Object.defineProperty(globalThis, "Worker", { get: () => failMissing("Worker") });

addSignalListener("SIGTERM", async () => {
  const event = new CustomEvent("beforeunload", { detail: { reason: "termination" } });
  globalThis.dispatchEvent(event);
  const deadline = setTimeout(() => exit(0), GRACE_MS);
  await server?.shutdown();
  // Work that ends may have begun other work.
  while (background.size > 0) await Promise.allSettled(background);
  clearTimeout(deadline);
  exit(0);
});

watchForOrphanage();
const module = await import(new URL(entrypoint, "file:///").href) as {
  default?: { fetch?: Handler };
};
if (server === undefined && typeof module.default?.fetch === "function") {
  serve((request, info) => module.default!.fetch!(request, info));
}
if (server === undefined) {
  console.error("the function neither called Deno.serve nor exported a fetch handler");
  exit(1);
}

// The stack holds the other end and writes nothing: the end of input is the end of the stack.
async function watchForOrphanage(): Promise<void> {
  const buffer = new Uint8Array(1);
  while ((await stdin.read(buffer)) !== null);
  exit(1);
}

function failMissing(name: string): never {
  throw new Error(`${name} is not available in the hosted edge runtime`);
}
