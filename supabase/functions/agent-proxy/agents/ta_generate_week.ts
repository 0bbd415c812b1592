// Example agent: the teaching assistant turns objectives into exercises.
import { type Agent, ok } from "../../_shared/agent_kit/mod.ts";
import { readTexts } from "./invent.ts";

const DAYS = ["Monday", "Wednesday", "Friday"];

export const taGenerateWeek: Agent = {
  method: "POST",
  path: "/ta/generate-week",
  run: (call) => {
    const objectives = readTexts(call.inputs.clo_begin_week, "objectives");
    return ok({
      exercises: objectives.map((objective, index) => ({
        day: DAYS[index % DAYS.length],
        objective,
        minutes: 20 + 5 * index,
      })),
    });
  },
};
