// A step that uses a template: the template exists, and gets the arguments that it asks for.
import { asMap, asText, type Findings } from "./findings.ts";
import { listRequired } from "./input_schema.ts";
import { validateInputs } from "./inputs.ts";
import type { LooseStep } from "./loose_steps.ts";
import { findNearNames } from "./near.ts";
import type { Path } from "./parse.ts";
import { quoteValue } from "./problems.ts";
import { findNearTemplates, type TemplateBook, type TemplateEntry } from "./template_book.ts";

export function checkUse(step: LooseStep, book: TemplateBook, findings: Findings): void {
  const name = asText(step.keys.use);
  if (name === null) return;
  const path = [...step.path, "use"];
  const entry = book.find(name);
  if (entry === null) {
    const findNear = () => findNearTemplates(name, book);
    const message = `there is no template ${quoteValue(name)} in workflows/templates/`;
    return findings.note(path, message, { findNear });
  }
  checkPlace(step, name, entry, findings);
  // A broken schema asks for nothing; its problems are its file's.
  if (entry.schema !== null) checkArguments(step, name, entry.schema, findings);
}

function checkPlace(
  step: LooseStep,
  name: string,
  { steps }: TemplateEntry,
  findings: Findings,
): void {
  if (step.keys.continue_on_error === true && steps.length > 1) {
    findings.noteAt(
      [...step.path, "continue_on_error"],
      `is for templates of one step, and ${name} has ${steps.length}: set it on those of them that ` +
        "may fail",
      { part: "key" },
    );
  }
  if (step.path[0] !== "on_failure") return;
  for (const key of ["compensate", "may_append"]) {
    if (!steps.some(({ keys }) => Object.hasOwn(keys, key))) continue;
    const message = `the template ${name} has a step with ${key}, which on_failure cannot use`;
    findings.note([...step.path, "use"], message);
  }
}

function checkArguments(
  step: LooseStep,
  name: string,
  schema: TemplateEntry["schema"],
  findings: Findings,
): void {
  const path = [...step.path, "with"];
  const given = asMap(step.keys.with);
  if (given === null && step.keys.with !== undefined) return;
  for (const input of listRequired(schema)) {
    if (given !== null && Object.hasOwn(given, input)) continue;
    const message = `the template ${name} needs the argument ${quoteValue(input)}`;
    findings.note(path, message, { part: "key" });
  }
  const properties = asMap(schema?.properties) ?? {};
  for (const [input, value] of Object.entries(given ?? {})) {
    const place = [...path, input];
    if (!Object.hasOwn(properties, input)) {
      const message = `the template ${name} has no argument ${quoteValue(input)}`;
      const findNear = () => findNearNames(input, Object.keys(properties));
      findings.note(place, message, { part: "key", findNear });
    } else checkArgument(place, name, properties[input], value, findings);
  }
}

/** What holds no expression is known already. */
function checkArgument(
  path: Path,
  name: string,
  schema: unknown,
  value: unknown,
  findings: Findings,
): void {
  if (JSON.stringify(value).includes("${{")) return;
  const input = path.at(-1)!;
  const checked = validateInputs({ properties: { [input]: schema } }, { [input]: value });
  if (checked.ok) return;
  const [{ message }] = checked.problems;
  findings.note(path, `the template ${name}: ${input} ${message}`);
}
