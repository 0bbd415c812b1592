// Example agent: cleans up behind a run that failed, and tells what it was told.
import { type Agent, ok } from "../../_shared/agent_kit/mod.ts";

export const undo: Agent = {
  method: "POST",
  path: "/undo",
  run: (call) => ok({ undone: call.inputs.failed ?? [], run: call.workflow_run_id }),
};
