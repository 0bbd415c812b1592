// What proves to an agent that the orchestrator calls: a token for this one call where the agent takes
// tokens, else the service credentials, and those within the project alone. Serves stage 5, step call.
import type { TokenIssuer } from "../agent_token/issuer.ts";
import type { AgentCall } from "./call.ts";

export interface Credentials {
  bearer: string;
  /** The project's secret key, which never goes along with a token. */
  apikey?: string;
}

export interface CredentialSource {
  serviceJwt: string;
  secretKey: string;
  /** Without one, no agent takes tokens. */
  tokens?: TokenIssuer;
}

/** The subject of calls that belong to no step. */
const NO_STEP = "http";

/** The credentials of a call, or null for none. `url` has its query, `body` is the text as it is sent. */
export async function chooseCredentials(
  call: AgentCall,
  { url, isOwn, body }: { url: URL; isOwn: boolean; body?: string },
  { serviceJwt, secretKey, tokens }: CredentialSource,
): Promise<Credentials | null> {
  if (!tokens?.serves(url, isOwn)) return isOwn ? { bearer: serviceJwt, apikey: secretKey } : null;
  const bearer = await tokens.issue({
    method: call.method,
    url,
    body: body ?? "",
    timeoutMs: call.timeoutMs,
    subject: call.subject ?? NO_STEP,
    idempotencyKey: call.headers?.["idempotency-key"] ?? "",
  });
  return { bearer };
}
