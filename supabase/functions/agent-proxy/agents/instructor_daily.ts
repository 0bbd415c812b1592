// Example agent: a plan for the day out of the learner's signals.
import { type Agent, ok } from "../../_shared/agent_kit/mod.ts";
import { readMember, readText } from "./invent.ts";

export const instructorDaily: Agent = {
  method: "POST",
  path: "/instructor/daily",
  run: (call) => {
    const signals = call.inputs.gather_signals;
    const skill = readText(signals, "weakest_skill", "whatever comes next");
    const minutesYesterday = readMember(signals, "minutes_yesterday");
    const isTired = typeof minutesYesterday === "number" &&
      minutesYesterday > 60;
    return ok({
      headline: isTired ? `A light day: ${skill}` : `Today: ${skill}`,
      minutes: isTired ? 15 : 30,
      activities: [
        `Warm up on ${skill}`,
        `Practise ${skill}`,
        "Say what you learned",
      ],
    });
  },
};
