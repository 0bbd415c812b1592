// Debian's Prometheus and its promtool, as processes.
import { waitFor } from "../harness/stack.ts";

/** Prometheus' lint of metrics as text; answers its findings, and fails where it cannot read the text. */
export async function lintMetrics(text: string): Promise<string> {
  const child = new Deno.Command("promtool", {
    args: ["check", "metrics"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { code, stderr, stdout } = await child.output();
  const said = new TextDecoder().decode(stderr) + new TextDecoder().decode(stdout);
  // 3: it read everything, and has remarks.
  if (code !== 0 && code !== 3) throw new Error(`promtool ended with ${code}: ${said}`);
  return said.trim();
}

export interface Scraper {
  /** The answer of an instant query: values by label, of the series that it selects. */
  query(promql: string): Promise<{ metric: Record<string, string>; value: number }[]>;
  /** The data that a path of its HTTP API answers; throws its error. */
  ask<T>(path: string): Promise<T>;
  /** The active target, once it was scraped. */
  readTarget(): Promise<{ health: string; lastError: string }>;
  stop(): Promise<void>;
}

/** Starts a Prometheus that scrapes one URL twice a second with this token, and evaluates these files of rules. */
export async function startPrometheus(
  url: string,
  token: string,
  ruleFiles: URL[] = [],
): Promise<Scraper> {
  const folder = await Deno.makeTempDir({ prefix: "prometheus-" });
  const { host, pathname } = new URL(url);
  await Deno.writeTextFile(`${folder}/token`, token);
  await Deno.writeTextFile(
    `${folder}/prometheus.yml`,
    `global: { evaluation_interval: 500ms }
rule_files: ${JSON.stringify(ruleFiles.map(({ pathname }) => decodeURI(pathname)))}
scrape_configs:
  - job_name: orchestrator
    scrape_interval: 500ms
    scrape_timeout: 500ms
    metrics_path: ${pathname}
    authorization: { credentials_file: ${folder}/token }
    static_configs: [{ targets: ["${host}"] }]
`,
  );
  const port = findFreePort();
  const child = new Deno.Command("prometheus", {
    args: [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    stdout: "null",
    stderr: "null",
  }).spawn();
  const ask = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`);
    const { status, data, error } = await response.json();
    if (status !== "success") throw new Error(`asking Prometheus for ${path}: ${error}`);
    return data;
  };
  const stop = async () => {
    child.kill("SIGTERM");
    await child.status;
    await Deno.remove(folder, { recursive: true });
  };
  try {
    await waitFor(
      "Prometheus to listen",
      () => ask("status/runtimeinfo").then(() => true, () => false),
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    query: async (promql) => {
      const { result } = await ask(`query?query=${encodeURIComponent(promql)}`);
      return result.map((
        { metric, value }: { metric: Record<string, string>; value: string[] },
      ) => ({
        metric,
        value: Number(value[1]),
      }));
    },
    ask,
    readTarget: () =>
      waitFor("Prometheus to scrape", async () => {
        const { activeTargets: [target] } = await ask("targets");
        return target !== undefined && target.health !== "unknown" && target;
      }),
    stop,
  };
}

function findFreePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return port;
}
