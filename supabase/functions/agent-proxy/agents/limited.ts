// An agent with a quota, like the API of a model provider: above it, it answers 429 and says when
// to come back. The quota is this isolate's own, which is enough for an example.
import { type Agent, fail, ok } from "../../_shared/agent_kit/mod.ts";

export const LIMITED_CAPACITY = 5;
export const LIMITED_PER_SECOND = 10;

let tokens = LIMITED_CAPACITY;
let refilledAt = Date.now();

export const limited: Agent = {
  method: "POST",
  path: "/limited",
  replay: false,
  run: () => {
    const now = Date.now();
    const refill = Math.max(0, now - refilledAt) * LIMITED_PER_SECOND / 1_000;
    tokens = Math.min(LIMITED_CAPACITY, tokens + refill);
    refilledAt = now;
    if (tokens < 1) {
      const retryAfterMs = Math.ceil((1 - tokens) * 1_000 / LIMITED_PER_SECOND);
      return fail("the quota is used up", { status: 429, retryAfterMs });
    }
    tokens -= 1;
    return ok({ left: Math.floor(tokens) });
  },
};
