// Example agent: puts a lead away.
import { type Agent, ok } from "../../_shared/agent_kit/mod.ts";

export const archive: Agent = {
  method: "POST",
  path: "/archive",
  run: (call) => ok({ archived: call.inputs.lead ?? call.payload.lead_id ?? null }),
};
