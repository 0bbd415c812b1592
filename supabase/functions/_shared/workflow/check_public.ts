// What `public: true` demands: what comes from outside is checked against the workflow's inputs in the
// request itself, before anything starts.
import { type Findings, readMember } from "./findings.ts";

export function checkPublic(findings: Findings): void {
  const { value } = findings.parsed;
  if (readMember(value, "public") !== true) return;
  if (readMember(value, "inputs") === undefined) {
    findings.noteAt(
      ["public"],
      "needs inputs: they say what may be sent; `{type: object, additionalProperties: false}` takes " +
        "nothing",
      { part: "key" },
    );
  }
  if (readMember(readMember(value, "trigger"), "inputs") !== undefined) {
    findings.noteAt(
      ["trigger", "inputs"],
      "does not go with public: the inputs would be made of what was sent, which nobody could check " +
        "before the run; start this workflow as a step of a public one",
      { part: "key" },
    );
  }
}
