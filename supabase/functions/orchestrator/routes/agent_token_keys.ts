// GET /.well-known/jwks.json: the public keys by which agents verify the tokens of their calls. Open, as
// every set of public keys: nothing can be signed by them.
import { KEYS_PATH } from "../../_shared/agent_token/claims.ts";
import type { Router } from "../../_shared/http/router.ts";
import type { Engine } from "../engine.ts";

/** Strangers may ask; they cost the database one call in this time. */
const KEEP_MS = 30_000;
/** How long others may keep the set: shorter than a key is published before it signs. */
const OTHERS_KEEP_SECONDS = 300;

export function addAgentTokenKeysRoute(router: Router, { rpc }: Pick<Engine, "rpc">): void {
  let read: ReturnType<typeof rpc.listAgentTokenKeys> | null = null;
  let readAt = -Infinity;

  router.get(KEYS_PATH, async (context) => {
    if (read === null || Date.now() - readAt > KEEP_MS) {
      const reading = rpc.listAgentTokenKeys();
      read = reading;
      readAt = Date.now();
      // A failure is the caller's; the next one asks again.
      reading.catch(() => read = null);
    }
    const keys = (await read).map(({ public_key }) => public_key);
    return context.json({ keys }, 200, {
      "Cache-Control": `public, max-age=${OTHERS_KEEP_SECONDS}`,
    });
  });
}
