// The templates that one compilation knows: each is checked once, however many steps use it, and its
// problems name its own file.
import type { Problem } from "../contract/errors.ts";
import { MAX_STEPS, type TemplateFile, templateFile } from "../contract/workflow_file.ts";
import type { ActionPolicy } from "./check_actions.ts";
import { checkShape } from "./check_shape.ts";
import { checkPlainSteps } from "./check_steps.ts";
import { asText, Findings, readMember } from "./findings.ts";
import { checkInputSchema } from "./input_schema.ts";
import type { LooseStep } from "./loose_steps.ts";
import { findNearNames } from "./near.ts";
import { parseText } from "./parse.ts";
import { ProblemList, quoteValue } from "./problems.ts";
import type { StepUses } from "./step_uses.ts";
import type { Template } from "./template.ts";

/** Where the bucket and the repository keep templates. */
export const TEMPLATE_FOLDER = "templates";

/** Most templates of one workflow: each is a file to fetch. */
export const MAX_TEMPLATES = 50;

/** The arguments of a template are copied to each of its steps: characters of them all, as JSON. */
const MAX_ARGUMENT_CHARS = 4_194_304;

export interface TemplatePolicy extends ActionPolicy {
  workflowMaxBytes: number;
}

export interface BookOptions {
  /** Sources by name. */
  sources: ReadonlyMap<string, string>;
  /** Names that exist, if more than those of the sources. */
  names?: readonly string[];
  /** The file's name in problems. */
  nameFile?: (name: string) => string;
  policy: TemplatePolicy;
}

/** What is known of a template once it was read, if only in part. */
export interface TemplateEntry {
  /** Null where it has problems. */
  template: Template | null;
  /** The schema of its arguments: undefined without one, null where it is broken. */
  schema: Readonly<Record<string, unknown>> | null | undefined;
  steps: readonly LooseStep[];
}

export type CheckedTemplate =
  & TemplateEntry
  & { problems: Problem[] };

export class TemplateBook {
  readonly #options: BookOptions;
  readonly #entries = new Map<string, CheckedTemplate>();

  constructor(options: BookOptions) {
    this.#options = options;
  }

  /** The problems of the templates that were used. */
  get problems(): Problem[] {
    return [...this.#entries.values()].flatMap(({ problems }) => problems);
  }

  /** The templates that were used and have no problems. */
  get templates(): ReadonlyMap<string, Template> {
    return new Map(
      [...this.#entries].flatMap(([name, { template }]) =>
        template === null ? [] : [[name, template] as const]
      ),
    );
  }

  /** The names of all templates. */
  listNames(): string[] {
    return [...new Set([...this.#options.sources.keys(), ...this.#options.names ?? []])];
  }

  /** Reads a template; null if there is none of that name. */
  find(name: string): TemplateEntry | null {
    const known = this.#entries.get(name);
    if (known !== undefined) return known;
    const { sources, nameFile = nameTemplateFile, policy } = this.#options;
    const source = sources.get(name);
    if (source === undefined) return null;
    const entry = checkTemplate(source, { name, file: nameFile(name), policy });
    this.#entries.set(name, entry);
    return entry;
  }

  /** Templates make short files into large definitions: bounds what becomes of all steps. */
  checkSize(steps: readonly LooseStep[], findings: Findings): void {
    let count = 0;
    let chars = 0;
    const names = new Set(steps.flatMap(({ keys }) => asText(keys.use) ?? []));
    if (names.size > MAX_TEMPLATES) {
      const message = `the workflow uses ${names.size} templates: at most ${MAX_TEMPLATES} are ` +
        "allowed";
      findings.note(["steps"], message, { part: "key" });
    }
    for (const step of steps) {
      const name = asText(step.keys.use);
      const inner = name === null ? 1 : this.find(name)?.steps.length ?? 1;
      count += inner;
      if (name !== null) chars += inner * (JSON.stringify(step.keys.with)?.length ?? 0);
    }
    // A list with too many steps of its own is the shape's finding.
    const main = steps.filter(({ path }) => path[0] === "steps").length;
    if (count > MAX_STEPS && Math.max(main, steps.length - main) <= MAX_STEPS) {
      const message =
        `the workflow has ${count} steps with those of on_failure and of templates: at most ` +
        `${MAX_STEPS} are allowed`;
      findings.note(["steps"], message, { part: "key" });
    }
    if (chars > MAX_ARGUMENT_CHARS) {
      const message = `the arguments of templates have ${chars} characters once each of their ` +
        `steps has them: at most ${MAX_ARGUMENT_CHARS} are allowed`;
      findings.note(["steps"], message, { part: "key" });
    }
  }
}

export function nameTemplateFile(name: string): string {
  return `${TEMPLATE_FOLDER}/${name}.yml`;
}

const TEMPLATE_KEYS = { use: "must not be here: a template uses no other template" };

/** Checks a template's file by itself. */
export function checkTemplate(
  source: string,
  { name, file, policy }: { name: string | null; file: string | undefined; policy: TemplatePolicy },
): CheckedTemplate {
  const problems = new ProblemList(source, file);
  const parsed = parseText(source, policy.workflowMaxBytes, problems);
  if (parsed === null) {
    return { template: null, schema: null, steps: [], problems: problems.list() };
  }
  const findings = new Findings(parsed, problems);
  const shape = checkShape(findings, templateFile);
  const own = asText(readMember(parsed.value, "template"));
  if (name !== null && own !== null && own !== name) {
    findings.note(["template"], `the file must be named after its template: ${own}.yml`);
  }
  const inputs = readMember(parsed.value, "inputs");
  const isSound = checkInputSchema(["inputs"], inputs, findings);
  const templatePolicy = { ...policy, refusedKeys: TEMPLATE_KEYS };
  const { graph, uses } = checkPlainSteps(templatePolicy, [], findings);
  checkResult(graph.steps, graph.edges, findings);
  return {
    template: shape !== null && findings.isEmpty ? makeTemplate(shape, uses) : null,
    schema: isSound ? inputs as TemplateEntry["schema"] : null,
    steps: graph.steps,
    problems: problems.list(),
  };
}

function makeTemplate(file: TemplateFile, uses: readonly StepUses[]): Template {
  return { file, uses };
}

/** One step's output is the output of the step that uses the template. */
function checkResult(
  steps: readonly LooseStep[],
  edges: readonly (readonly number[])[],
  findings: Findings,
): void {
  const used = new Set(edges.flat());
  const ends = steps.filter((_, index) => !used.has(index));
  if (ends.length < 2) return;
  const names = ends.slice(0, 5).map(({ id }) => quoteValue(id ?? "?")).join(", ");
  findings.note(
    [...ends[1].path, "id"],
    "exactly one step of a template has no other depending on it, because its output is the " +
      `template's: here ${names}${ends.length > 5 ? " and others" : ""} have none`,
  );
}

/** Problems tell of templates that were meant. */
export function findNearTemplates(name: string, book: TemplateBook): string[] {
  return findNearNames(name, book.listNames());
}
