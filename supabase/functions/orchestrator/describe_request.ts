// The call of a step as the worker makes it, for people to look at: no secret of the project is in it.
// Pure but for the outputs that its step reads.
import type { JobRequest } from "../_shared/contract/dashboard.ts";
import { makeCallbackUrls } from "../_shared/callback/urls.ts";
import type { DescribedCall, LeasedJob } from "../_shared/database/rows.ts";
import { hideKeys, REDACTED } from "../_shared/redact.ts";
import {
  addQuery,
  type AgentCall,
  buildHeaders,
  type CallerIdentity,
} from "../_shared/worker/call.ts";
import { type PlanDeps, planJob } from "../_shared/worker/plan.ts";
import { buildAgentCall } from "../_shared/worker/request.ts";
import { resolveAgentUrl } from "../_shared/worker/resolve_url.ts";
import { isFanOut, isItem, readKind } from "../_shared/worker/step_kind.ts";
import { formatCurl } from "./format_curl.ts";

export interface DescribeDeps extends PlanDeps {
  identity: CallerIdentity;
  nowMs: number;
  /** Keys of this project, wherever they occur. */
  secrets: readonly string[];
  /** The environment variable of what agents get as Bearer. */
  bearerVariable: string;
}

/** Describes the next call of a job, or of the attempt that is under way. */
export async function describeRequest(
  described: DescribedCall,
  deps: DescribeDeps,
): Promise<JobRequest> {
  const reason = explainNoCall(described);
  if (reason !== null) return refuse(reason);
  // As it was called, whatever it waits for now, and however long it stood in line.
  const job: LeasedJob = { ...described, lease_token: "", parked: null, queued_ms: null };
  const plan = await planJob(job, deps);
  if (plan.do === "settle") {
    const { outcome, error_text, condition } = plan.attempt;
    return refuse(
      outcome === "skip" && condition !== undefined
        ? `the step would be skipped: its condition ${condition.expression} is false`
        : hideKeys(
          error_text ?? `the step would end with ${outcome}, without a call`,
          deps.secrets,
        ),
    );
  }
  const { identity, nowMs } = deps;
  const isAsync = job.config.mode === "async";
  const callback = isAsync ? await makeHiddenUrls(job, deps) : undefined;
  const timeoutMs = job.config.timeout_ms;
  const call = buildAgentCall(job, { inputs: plan.inputs, timeoutMs, nowMs, callback });
  const resolved = resolveAgentUrl(call.call, identity);
  if ("refusal" in resolved) return refuse(`the worker would refuse it: ${resolved.refusal}`);
  return write(addQuery(resolved.url, call.query), call, resolved.isOwn, deps);
}

/** Why the job makes no call, or none that can be known yet; null if it makes one. */
function explainNoCall(job: DescribedCall): string | null {
  const { config, item_index, open_dependencies } = job;
  const kind = readKind(config);
  switch (kind) {
    case "call":
      break;
    case "workflow":
      return `the step calls nobody: it starts a run of the workflow ${config.workflow}`;
    case "wait":
      return `the step calls nobody: it waits for the event ${config.wait?.event}`;
    case "sleep":
      return "the step calls nobody: it waits for some time";
    default:
      return `the step calls nobody: the orchestrator does the step of the kind ${kind} itself`;
  }
  if (isFanOut(job)) return "the step calls nobody itself: each of its items has a call of its own";
  // An item that stands in line has its input already.
  if (open_dependencies > 0 && !isItem(item_index)) {
    const steps = open_dependencies === 1 ? "a step" : `${open_dependencies} steps`;
    return `what the step gets is not known yet: it waits for ${steps} to end`;
  }
  return null;
}

function write(url: URL, call: AgentCall, isOwn: boolean, deps: DescribeDeps): JobRequest {
  const takesToken = deps.identity.tokens?.serves(url, isOwn) ?? false;
  const credentials = takesToken
    ? { bearer: REDACTED }
    : isOwn
    ? { bearer: REDACTED, apikey: REDACTED }
    : null;
  // As text, so that a secret is found wherever it stands, in a key of an object too.
  const shown = JSON.parse(
    hideKeys(
      JSON.stringify({
        url: url.href,
        headers: buildHeaders(call, credentials),
        ...(call.body === undefined ? {} : { body: call.body }),
      }),
      deps.secrets,
    ),
  );
  const request = { method: call.method, url: shown.url, headers: shown.headers };
  // Also where the agent takes tokens, which nobody but a worker makes: it takes the project's own too.
  const variables: Record<string, string> = isOwn
    ? { authorization: `Bearer $${deps.bearerVariable}`, apikey: "$SUPABASE_SECRET_KEY" }
    : {};
  const body = shown.body === undefined ? undefined : JSON.stringify(shown.body);
  return {
    ...request,
    body: shown.body ?? null,
    curl: formatCurl({ ...request, body }, variables),
    unavailable: null,
  };
}

/** The key of a callback is good for a whole attempt, so that it is not made for people to look at. */
function makeHiddenUrls(job: LeasedJob, { identity, nowMs }: DescribeDeps) {
  const tokens = { sign: () => Promise.resolve(REDACTED) };
  return makeCallbackUrls(job, 0, { baseUrl: identity.baseUrl, tokens, nowMs });
}

function refuse(unavailable: string): JobRequest {
  return { method: "", url: "", headers: {}, body: null, curl: "", unavailable };
}
