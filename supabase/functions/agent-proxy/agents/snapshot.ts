// Example agent: what is known about a learner this morning.
import { type Agent, ok } from "../../_shared/agent_kit/mod.ts";
import { inventChoice, inventNumber } from "./invent.ts";

export const snapshot: Agent = {
  method: "GET",
  path: "/snapshot",
  run: (call) => {
    const user = call.user_id ?? "nobody";
    return ok({
      user_id: user,
      intent_id: call.intent_id,
      streak_days: inventNumber(`${user} streak`, 0, 40),
      minutes_yesterday: inventNumber(`${user} minutes`, 0, 90),
      weakest_skill: inventChoice(`${user} skill`, [
        "fractions",
        "essay structure",
        "recall",
      ]),
    });
  },
};
