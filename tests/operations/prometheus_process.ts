// Debian's Prometheus as a process of a test: scrapes one target, evaluates the repository's rules.
import assert from "node:assert/strict";
import { waitFor } from "../harness/stack.ts";

const RULES = new URL("../../monitoring/prometheus/orchestrator.rules.yml", import.meta.url);

export interface PrometheusProcess {
  /** `data` of an answer of its HTTP API, for a path such as `query?query=up`. */
  ask<T>(path: string): Promise<T>;
  /** The series of an instant query. */
  query(expression: string): Promise<{ metric: Record<string, string>; value: [number, string] }[]>;
  stop(): Promise<void>;
}

/** Starts it with the repository's rules and a scrape a second; throws what it says if it does not come up. */
export async function startPrometheus(url: string, token: string): Promise<PrometheusProcess> {
  const folder = await Deno.makeTempDir({ prefix: "prometheus_" });
  const { host, pathname } = new URL(url);
  await Deno.writeTextFile(
    `${folder}/prometheus.yml`,
    JSON.stringify({
      global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
      rule_files: [decodeURI(RULES.pathname)],
      scrape_configs: [{
        job_name: "orchestrator",
        metrics_path: pathname,
        authorization: { credentials: token },
        static_configs: [{ targets: [host] }],
      }],
    }),
  );
  const port = findFreePort();
  const child = new Deno.Command("prometheus", {
    args: [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--log.level=warn",
    ],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const said = new Response(child.stderr).text();
  let hasEnded = false;
  const ended = child.status.then(() => hasEnded = true);
  const ask = async <T>(path: string): Promise<T> => {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`);
    const { status, data, error } = await response.json();
    assert.equal(status, "success", `${path}: ${error}`);
    return data;
  };
  const stop = async () => {
    if (!hasEnded) child.kill("SIGTERM");
    await ended;
    await Deno.remove(folder, { recursive: true });
  };
  try {
    await waitFor("prometheus to be ready", async () => {
      if (hasEnded) throw new Error(`prometheus ended: ${await said}`);
      const response = await fetch(`http://127.0.0.1:${port}/-/ready`).catch(() => undefined);
      await response?.body?.cancel();
      return response?.ok;
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    ask,
    query: async (expression) =>
      (await ask<{ result: Awaited<ReturnType<PrometheusProcess["query"]>> }>(
        `query?query=${encodeURIComponent(expression)}`,
      )).result,
    stop,
  };
}

function findFreePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return port;
}
