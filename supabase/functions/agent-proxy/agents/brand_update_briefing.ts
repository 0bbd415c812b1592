// Example agent: a briefing out of what both of its parents made. It fails for good without them,
// so that a fan-in that started too early would show.
import { type Agent, fail, ok } from "../../_shared/agent_kit/mod.ts";
import { readMember } from "./invent.ts";

export const brandUpdateBriefing: Agent = {
  method: "POST",
  path: "/brand/update-briefing",
  run: (call) => {
    const exercises = readMember(call.inputs.ta_generate_week, "exercises");
    const questions = readMember(call.inputs.socratic_seed, "questions");
    if (!Array.isArray(exercises) || !Array.isArray(questions)) {
      return fail(
        "inputs are missing: expected ta_generate_week and socratic_seed",
      );
    }
    return ok({
      briefing: `This week: ${exercises.length} exercises and ${questions.length} questions`,
      updated: true,
    });
  },
};
