// An agent that answers at once and writes down every call, in a process of its own: neither the workers
// nor the stack wait for it. Both sides of the process are here.
import { AgentLog } from "../faults/history/agent_log.ts";
import { ITEMS } from "./load_plan.ts";

export class FastAgent {
  readonly #child: Deno.ChildProcess;
  #stopping: Promise<void> | undefined;

  private constructor(readonly url: string, child: Deno.ChildProcess) {
    this.#child = child;
  }

  /** Starts the process; `logPath` is its log's file. */
  static async start(logPath: string): Promise<FastAgent> {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "-A", import.meta.filename!, logPath],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    // All that it writes is its address, in one piece.
    const reader = child.stdout.getReader();
    const { value } = await reader.read();
    await reader.cancel();
    if (value === undefined) {
      throw new Error(`starting the agent: it ended with code ${(await child.status).code}`);
    }
    return new FastAgent(new TextDecoder().decode(value).trim(), child);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Ends the process when all answers are sent; its log is whole then. */
  stop(): Promise<void> {
    return this.#stopping ??= this.#stop();
  }

  async #stop(): Promise<void> {
    await this.#child.stdin.close();
    const { code } = await this.#child.status;
    if (code !== 0) throw new Error(`stopping the agent: it ended with code ${code}`);
  }
}

async function serve(logPath: string): Promise<void> {
  const log = new AgentLog(logPath);
  const answering = new Set<Promise<void>>();
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: ({ port }) => console.log(`http://127.0.0.1:${port}`),
  }, async (request, { completed }) => {
    const { headers } = request;
    const call = log.noteCall({
      run: headers.get("x-workflow-run-id") ?? "",
      step: headers.get("x-step-id") ?? "",
      item: Number(headers.get("x-item-index") ?? -1),
      attempt: Number(headers.get("x-attempt")),
      key: headers.get("x-idempotency-key") ?? "",
    });
    await request.arrayBuffer();
    const value = `decided by call ${call}`;
    const answer = { status: 200, verdict: "success", value, fault: null } as const;
    const noted = completed.then(() => true, () => false)
      .then((delivered) => log.noteAnswer({ call, ...answer, delivered }))
      .finally(() => answering.delete(noted));
    answering.add(noted);
    const isList = request.url.endsWith("/list");
    return Response.json({ ok: true, output: { value, ...(isList ? { items: ITEMS } : {}) } });
  });
  // The end of the input is the parent's wish, and its death.
  await Deno.stdin.readable.pipeTo(new WritableStream());
  await server.shutdown();
  await Promise.all(answering);
  log.close();
}

if (import.meta.main) {
  await serve(Deno.args[0]);
  Deno.exit(0);
}
