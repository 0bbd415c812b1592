// Example agent: looks up who is behind a lead. How many contacts there are is the payload's choice,
// so that a fan-out can be as wide as a demo or a test wants it.
import { type Agent, ok } from "../../_shared/agent_kit/mod.ts";
import { inventChoice } from "./invent.ts";

const DEFAULT_CONTACTS = 3;
const CONTACTS_MAX = 20_000;

const FIRST_NAMES = ["Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald"];
const ROLES = ["engineer", "manager", "buyer", "founder"];

export const enrich: Agent = {
  method: "POST",
  path: "/enrich",
  run: (call) => {
    const lead = call.inputs.lead ?? call.payload.lead_id ?? "nobody";
    const count = readCount(call.payload.contacts);
    return ok({
      lead,
      contacts: Array.from({ length: count }, (_, index) => {
        const seed = `${lead} ${index}`;
        return {
          name: `${inventChoice(seed, FIRST_NAMES)} ${index + 1}`,
          role: inventChoice(seed, ROLES),
        };
      }),
    });
  },
};

function readCount(value: unknown): number {
  const isCount = typeof value === "number" && Number.isInteger(value) &&
    value >= 0;
  return isCount ? Math.min(value, CONTACTS_MAX) : DEFAULT_CONTACTS;
}
