// Issues the token of a call, anew for each attempt. Serves stage 5, step call.
import { sign } from "hono/jwt";
import { buildClaims, type TokenCall } from "./claims.ts";
import type { SigningKey } from "./signing_key.ts";
import { takesToken } from "./token_agents.ts";

export interface TokenIssuer {
  /** Whether the agent at this URL gets tokens, and no service key. */
  serves(url: URL, isOwn: boolean): boolean;
  /** Throws where no key was made. */
  issue(call: TokenCall): Promise<string>;
}

export interface IssuerOptions {
  baseUrl: string;
  /** The setting token_agents. */
  tokenAgents: readonly string[];
  /** Asked for each token, so that a new key counts while a worker drains. */
  readKey(): Promise<SigningKey | null>;
  now?: () => number;
}

export function createTokenIssuer(options: IssuerOptions): TokenIssuer {
  const { baseUrl, tokenAgents, readKey, now = Date.now } = options;
  return {
    serves: (url, isOwn) => takesToken(url, isOwn, tokenAgents),
    async issue(call) {
      const key = await readKey();
      if (key === null) {
        throw new Error("no key signs agent tokens: `deno task setup` makes one");
      }
      return await sign(await buildClaims(call, { baseUrl, nowMs: now() }), key);
    },
  };
}
