// Example agent: the chief learning officer sets the objectives of the week.
import { type Agent, ok } from "../../_shared/agent_kit/mod.ts";
import { inventChoice } from "./invent.ts";

const THEMES = [
  "asking better questions",
  "thinking in numbers",
  "writing to be read",
];

export const cloBeginWeek: Agent = {
  method: "POST",
  path: "/clo/begin-week",
  run: (call) => {
    const theme = inventChoice(
      call.workflow_run_id ?? call.user_id ?? "",
      THEMES,
    );
    return ok({
      theme,
      objectives: [
        `Explain ${theme}`,
        `Practise ${theme}`,
        `Teach ${theme} to someone`,
      ],
    });
  },
};
