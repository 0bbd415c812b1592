// A stack in which every secret is known to the test, with receivers that show what they were sent, and a
// recorder of all answers.
import assert from "node:assert/strict";
import { openStack, type TestStack } from "../harness/stack.ts";
import { type Answer, type AskOptions, type Json, send } from "../http/http_stack.ts";
import { createPerson, type Person } from "../http/signed_in.ts";
import { Receiver } from "../operations/notification_receiver.ts";
import { type ReceiverProcess, startReceiver } from "../operations/receiver_process.ts";
import { type Canary, CanarySearch, type Trace } from "./canary_search.ts";

export interface CanaryStack extends TestStack {
  search: CanarySearch;
  /** Makes a value that is nowhere else, and tells the search of it. */
  plant(name: string, allowed?: Canary["allowed"], decorate?: (random: string) => string): string;
  /** Calls a path of the orchestrator with the secret key; the answer is recorded. */
  ask(method: string, path: string, options?: AskOptions): Promise<Answer>;
  /** The same, and the answer must be a good one. */
  must(method: string, path: string, body?: unknown): Promise<Json>;
  operator: Person;
  metricsToken: string;
  webhook: Receiver;
  slack: Receiver;
  spans: ReceiverProcess;
  /** Nobody listens there. */
  downHost: string;
  /** Answers of routes so far, and what receivers got. */
  readAnswers(): Promise<Trace[]>;
  /** Size of Postgres's own log when the stack was opened. */
  logStart: number;
}

const draw = () => crypto.randomUUID().replaceAll("-", "");

export async function openCanaryStack(): Promise<CanaryStack> {
  const search = new CanarySearch();
  const plant: CanaryStack["plant"] = (name, allowed = {}, decorate = (it) => it) => {
    const value = decorate(draw());
    search.add({ name, value, allowed });
    return value;
  };
  const [webhook, slack, spans] = [new Receiver(), new Receiver(), await startReceiver()];
  const downHost = findClosedPort();
  const metricsToken = plant("metrics token");
  const receiverToken = plant("OTLP header", {
    "receiver of spans: authorization": "it is the credential of this very receiver",
  });
  const s = await openStack({
    loops: { cron: false, net: true },
    settings: { progress_stream_ms: 1_000, realtime_broadcast_ms: 50, archive_history: 1 },
    env: {
      EDGE_SERVICE_JWT: plant("EDGE_SERVICE_JWT"),
      ORCHESTRATOR_METRICS_TOKEN: metricsToken,
      ORCHESTRATOR_ALLOWED_WEBHOOK_HOSTS: [webhook.host, slack.host, downHost].join(),
      OTEL_EXPORTER_OTLP_ENDPOINT: spans.url,
      OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${receiverToken}`,
    },
  });
  const { stack, db } = s;
  await addProjectSecrets(search, s);

  const answers: Trace[] = [];
  const ask: CanaryStack["ask"] = async (method, path, options = {}) => {
    const answer = await send(`${stack.url}/functions/v1/orchestrator${path}`, method, {
      ...options,
      headers: { apikey: stack.keys.secret, ...options.headers },
    });
    const headers = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    answers.push({ place: `answer of ${method} ${path}`, text: `${headers}\n\n${answer.text}` });
    return answer;
  };
  const operator = await createPerson(
    { stack, sql: db.admin } as Parameters<typeof createPerson>[0],
    "operator",
  );
  search.add({ name: "user's JWT", value: operator.headers.authorization.split(".")[2] });
  const [{ size }] = await db.admin`select size::int from pg_stat_file('server.log', true)`;
  return {
    ...s,
    search,
    plant,
    ask,
    must: async (method, path, body) => {
      const answer = await ask(method, path, { body });
      assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text}`);
      return answer.body;
    },
    operator,
    metricsToken,
    webhook,
    slack,
    spans,
    downHost,
    logStart: size ?? 0,
    readAnswers: async () => [...answers, ...await readReceivers(webhook, slack, spans)],
    close: async () => {
      for (const receiver of [webhook, slack]) await receiver.close();
      await spans.kill();
      await s.close();
    },
  };
}

function findClosedPort(): string {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return `127.0.0.1:${port}`;
}

/** The keys that the project was made with; of a JWT the signature is the secret. */
async function addProjectSecrets(search: CanarySearch, { stack, db }: TestStack): Promise<void> {
  const stored = JSON.parse(await Deno.readTextFile(`${stack.dataDir}/keys.json`));
  const { secret, serviceRoleJwt } = stack.keys;
  const secrets: Record<string, string> = {
    "secret key": secret.slice("sb_secret_".length),
    "service_role key": serviceRoleJwt.split(".")[2],
    "JWT secret": stored.jwtSecret,
    "signing key": stored.signingKey.d,
    "database password": new URL(stack.databaseUrl).password,
    "superuser's password": new URL(db.url).password,
  };
  for (const [name, value] of Object.entries(secrets)) search.add({ name, value });
}

async function readReceivers(
  webhook: Receiver,
  slack: Receiver,
  spans: ReceiverProcess,
): Promise<Trace[]> {
  const { requests, problems } = await spans.read();
  assert.deepEqual(problems, []);
  return [
    ...webhook.received.map((it) => ({ place: "webhook", text: JSON.stringify(it) })),
    ...slack.received.flatMap(({ path, ...rest }) => [
      { place: "slack: path", text: path },
      { place: "slack: message", text: JSON.stringify(rest) },
    ]),
    ...requests.flatMap(({ authorization, ...rest }) => [
      { place: "receiver of spans: authorization", text: authorization ?? "" },
      { place: "receiver of spans: spans", text: JSON.stringify(rest) },
    ]),
  ];
}
