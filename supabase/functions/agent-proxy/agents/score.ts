// Example agent: how promising a contact is, 0 to 100, the same for the same contact. It fails for good
// without one, so that an item that lost its input would show.
import { type Agent, fail, ok } from "../../_shared/agent_kit/mod.ts";
import { inventNumber, readText } from "./invent.ts";

export const score: Agent = {
  method: "POST",
  path: "/score",
  run: (call) => {
    const { contact } = call.inputs;
    const name = typeof contact === "string" ? contact : readText(contact, "name", "");
    if (name === "") {
      return fail("inputs.contact is missing: expected a contact with a name");
    }
    return ok({
      name,
      n: call.inputs.n ?? call.item_index,
      value: inventNumber(name, 0, 100),
    });
  },
};
