// Example agent: would send the plan to the learner's phone, or a text to the channel that it is
// given. Its effect must happen once, which is what the idempotency key is for.
import { type Agent, fail, ok } from "../../_shared/agent_kit/mod.ts";
import { readText } from "./invent.ts";

export const notify: Agent = {
  method: "POST",
  path: "/notify",
  run: (call) => {
    if (call.user_id === null) {
      return fail("user_id is missing: there is nobody to notify");
    }
    return ok({
      channel: readText(call.inputs, "channel", "push"),
      to: call.user_id,
      title: readText(call.inputs, "text", "") ||
        readText(call.inputs.create_plan, "headline", "Your plan is ready"),
      delivered: true,
    });
  },
};
