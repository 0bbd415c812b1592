// Example agent: questions that open a conversation about each objective.
import { type Agent, ok } from "../../_shared/agent_kit/mod.ts";
import { readTexts } from "./invent.ts";

export const socraticSeed: Agent = {
  method: "POST",
  path: "/socratic/seed",
  run: (call) => {
    const objectives = readTexts(call.inputs.clo_begin_week, "objectives");
    return ok({
      questions: objectives.map((objective) => `What would change if you could: ${objective}?`),
    });
  },
};
