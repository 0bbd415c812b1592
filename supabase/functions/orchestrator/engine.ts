// What the routes work with: the database, the buckets, the settings, and this isolate's worker.
import { createTokenIssuer } from "../_shared/agent_token/issuer.ts";
import { createKeyReader } from "../_shared/agent_token/signing_key.ts";
import { type CallbackTokens, createCallbackTokens } from "../_shared/callback/token.ts";
import { connect } from "../_shared/database/client.ts";
import { readProject } from "../_shared/database/project.ts";
import type { Rpc } from "../_shared/database/rpc.ts";
import { createSettingsReader, type LoadSettings } from "../_shared/database/settings.ts";
import { OutputBucket } from "../_shared/outputs/bucket.ts";
import { type Authenticate, createAuth, readServiceKeys } from "../_shared/http/auth.ts";
import { createUserAuth } from "../_shared/http/user_auth.ts";
import { getEnv, onBeforeUnload, waitUntil } from "../_shared/platform.ts";
import { ProgressBroadcaster } from "../_shared/progress/broadcast.ts";
import { WorkflowBucket } from "../_shared/registry/bucket.ts";
import type { RegistryDeps } from "../_shared/registry/read_through.ts";
import { TraceExporter } from "../_shared/tracing/exporter.ts";
import type { CallerIdentity } from "../_shared/worker/call.ts";
import { steadyClock, wallClock } from "../_shared/worker/clock.ts";
import { createExecutor } from "../_shared/worker/execute.ts";
import type { FinishDeps } from "../_shared/worker/finish.ts";
import { WorkerHost } from "../_shared/worker/host.ts";

export interface Engine {
  rpc: Rpc;
  /** Who calls: a holder of a service key, or somebody who is signed in and has a role. */
  authenticate: Authenticate;
  /** What must not be shown to anybody who looks. */
  secrets: readonly string[];
  bucket: WorkflowBucket;
  outputs: OutputBucket;
  /** The credentials of agents that answer later. */
  tokens: CallbackTokens;
  host: WorkerHost;
  loadSettings: LoadSettings;
  loadIdentity(): Promise<CallerIdentity>;
  loadRegistry(): Promise<RegistryDeps>;
  /** What an answer needs to become a result. */
  loadFinishDeps(): Promise<FinishDeps>;
}

/** Opens the engine of this isolate; nothing is sent before the first request. */
export function openEngine(): Engine {
  const { url, secretKey, baseUrl, serviceJwt } = readProject();
  const { rpc, storage } = connect(url, secretKey);
  const keys = readServiceKeys();
  const identifyUser = createUserAuth({
    findOperator: (userId) => rpc.getOperator({ userId }),
    projectUrl: url,
  });
  const bucket = new WorkflowBucket(storage);
  const outputs = new OutputBucket(storage);
  const tokens = createCallbackTokens(secretKey);
  const loadSettings = createSettingsReader(rpc);
  const readKey = createKeyReader(rpc);
  const loadIdentity = async () => {
    const { allowedAgentHosts, outputMaxBytes, tokenAgents } = await loadSettings();
    const identity = { baseUrl, serviceJwt, secretKey, allowedAgentHosts, outputMaxBytes };
    if (tokenAgents.length === 0) return identity;
    // Here already: with the database away nothing is begun, and no call fails for want of a key.
    await readKey();
    return { ...identity, tokens: createTokenIssuer({ baseUrl, tokenAgents, readKey }) };
  };
  const loadFinishDeps = async () => ({
    rpc,
    outputs,
    settings: await loadSettings(),
  });
  const loadExecutor = async () =>
    createExecutor({
      ...await loadFinishDeps(),
      identity: await loadIdentity(),
      tokens,
      clock: wallClock,
    });
  const traces = new TraceExporter(rpc, getEnv);
  const broadcaster = new ProgressBroadcaster({ url, secretKey, waitUntil });
  const host = new WorkerHost({
    waitUntil,
    openSeam: async () => {
      await traces.keepOn();
      const settings = await loadSettings();
      const { realtimeBroadcastMs } = settings;
      return {
        rpc,
        clock: steadyClock,
        settings,
        execute: await loadExecutor(),
        ...(realtimeBroadcastMs === 0
          ? {}
          : { noteMoved: (jobs) => broadcaster.note(jobs, realtimeBroadcastMs) }),
      };
    },
    afterDrain: () => traces.flush(),
  });
  onBeforeUnload(() => host.retire());
  const loadRegistry = async () => ({
    bucket,
    rpc,
    settings: await loadSettings(),
  });
  return {
    rpc,
    authenticate: createAuth(keys, identifyUser),
    secrets: [...Object.values(keys.secretKeys), ...keys.serviceKeys, secretKey, serviceJwt],
    bucket,
    outputs,
    tokens,
    host,
    loadSettings,
    loadIdentity,
    loadRegistry,
    loadFinishDeps,
  };
}
