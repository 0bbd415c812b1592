// The limit to hold steps over HTTP against: the same calls to the same agent through the same gateway,
// from a process of its own as the worker is one, and nothing else.

export interface FetchLoop {
  url: string;
  headers: Record<string, string>;
  /** The body without workflow_run_id, as a worker would send it. */
  body: Record<string, unknown>;
  calls: number;
  concurrency: number;
}

/** Runs the loop in a process of its own; answers calls per second. */
export async function measureFetchLoop(loop: FetchLoop): Promise<number> {
  const output = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-net", "--allow-env=FETCH_LOOP", import.meta.filename!],
    // In the environment and not among the arguments, which every user of the machine can read.
    env: { FETCH_LOOP: JSON.stringify(loop) },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).output();
  if (!output.success) throw new Error(`the fetch loop ended with code ${output.code}`);
  return Number(new TextDecoder().decode(output.stdout));
}

async function runLoop(loop: FetchLoop, calls: number): Promise<void> {
  let left = calls;
  const callOn = async () => {
    while (left-- > 0) {
      const runId = crypto.randomUUID();
      const key = `${runId}:s1:0`;
      const response = await fetch(loop.url, {
        method: "POST",
        headers: {
          ...loop.headers,
          "content-type": "application/json",
          "x-idempotency-key": key,
          "idempotency-key": key,
          "x-workflow-run-id": runId,
        },
        body: JSON.stringify({ ...loop.body, workflow_run_id: runId }),
      });
      const answer = await response.json();
      if (answer.ok !== true) {
        throw new Error(`the agent answered ${response.status}: ${JSON.stringify(answer)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: loop.concurrency }, callOn));
}

if (import.meta.main) {
  const loop: FetchLoop = JSON.parse(Deno.env.get("FETCH_LOOP") ?? "{}");
  // Warm-up: connections are open and code is compiled before the clock starts.
  await runLoop(loop, loop.concurrency * 4);
  const startedAt = performance.now();
  await runLoop(loop, loop.calls);
  console.log(loop.calls / (performance.now() - startedAt) * 1000);
}
