// An agent that does nothing, for benchmarks: no replay, hence no database behind it.
import { type Agent, ok } from "../../_shared/agent_kit/mod.ts";

export const noop: Agent = {
  method: "POST",
  path: "/noop",
  replay: false,
  run: () => ok(null),
};
