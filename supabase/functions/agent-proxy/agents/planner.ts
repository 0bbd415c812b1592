// Example agent: decides at run time what is to be done, and appends it to its run. One step for each
// topic, and one that waits for all of them. Needs a step with `may_append: true`.
import { type Agent, fail, ok } from "../../_shared/agent_kit/mod.ts";

const DEFAULT_TOPICS = ["basics", "practice"];
const TOPICS_MAX = 49;

export const planner: Agent = {
  method: "POST",
  path: "/planner",
  run: (call) => {
    const topics = call.inputs.topics ?? call.payload.topics ?? DEFAULT_TOPICS;
    if (!isTopics(topics)) {
      return fail(`topics must be a list of 1 to ${TOPICS_MAX} texts`);
    }
    const planned = topics.map((topic, index) => ({
      id: `${call.step_id ?? "plan"}_${index + 1}`,
      call: "/functions/v1/agent-proxy/echo",
      depends_on: call.step_id === null ? [] : [call.step_id],
      with: { topic },
    }));
    const summary = {
      id: `${call.step_id ?? "plan"}_summary`,
      call: "/functions/v1/agent-proxy/echo",
      depends_on: planned.map(({ id }) => id),
    };
    const reply = ok({ topics });
    return {
      ...reply,
      body: { ...reply.body, ok: true, steps: [...planned, summary] },
    };
  },
};

function isTopics(value: unknown): value is string[] {
  return Array.isArray(value) && value.length > 0 &&
    value.length <= TOPICS_MAX &&
    value.every((topic) => typeof topic === "string");
}
