// A compiled workflow as a Mermaid flow chart, for documents and pull requests. The definition is drawn
// and not the file, so that templates show as what they become. Pure.
import type { CompiledStep, CompiledWorkflow, ItemsRule } from "../contract/compiled_workflow.ts";
import { formatDuration } from "../contract/duration.ts";

/** Longer texts are cut: a node is no place to read an expression in. */
const MAX_LABEL = 60;

/** The chart's text, with a line break at its end. */
export function drawMermaid({ key, steps }: CompiledWorkflow): string {
  const inPhase = (phase: CompiledStep["phase"]) => steps.filter((step) => step.phase === phase);
  const failure = steps.find(({ kind }) => kind === "failure");
  return [
    "---",
    `title: ${JSON.stringify(key)}`,
    "---",
    "flowchart TD",
    ...inPhase("main").map((step) => `  ${drawNode(step)}`),
    ...drawGroup("compensate", "undo, newest first", inPhase("compensate")),
    ...drawGroup("on_failure", "on_failure", inPhase("on_failure")),
    ...steps.flatMap(drawEdges),
    ...steps.flatMap(({ compensates, step_no }) =>
      compensates === null
        ? []
        : [`  ${nameNode(compensates)} -.->|undone by| ${nameNode(step_no)}`]
    ),
    ...failure === undefined ? [] : drawHandling(failure, steps),
  ].join("\n") + "\n";
}

function drawGroup(id: string, title: string, steps: readonly CompiledStep[]): string[] {
  if (steps.length === 0) return [];
  return [
    `  subgraph ${id} ["${title}"]`,
    ...steps.map((step) => `    ${drawNode(step)}`),
    "  end",
  ];
}

/** A shape for each kind of step. */
function drawNode(step: CompiledStep): string {
  const [open, close] = pickShape(step);
  return `${nameNode(step.step_no)}${open}"${
    describeStep(step).map(escape).join("<br/>")
  }"${close}`;
}

function pickShape({ kind, config, step_id }: CompiledStep): [string, string] {
  if (isGate(step_id)) return ["{", "}"];
  if (config.for_each !== undefined) return ["[/", "/]"];
  switch (kind) {
    case "wait":
      return ["{{", "}}"];
    case "sleep":
      return ["([", "])"];
    case "workflow":
      return ["[[", "]]"];
    case "start":
      return ["((", "))"];
    case "failure":
      return [">", "]"];
    default:
      return ["[", "]"];
  }
}

/** The lines of a node: what it is called, what it does, and under which conditions. */
function describeStep(step: CompiledStep): string[] {
  const { config } = step;
  return [
    step.step_id,
    ...describeAction(step),
    ...config.if === undefined ? [] : [`if ${config.if}`],
    ...config.for_each === undefined ? [] : [`for each of ${config.for_each}`, describeItems(step)],
    ...describeJoin(step),
    ...step.continue_on_error ? ["may fail"] : [],
  ].map(cut);
}

function describeAction({ kind, config, agent, step_id }: CompiledStep): string[] {
  switch (kind) {
    case "wait":
      return [`wait for ${config.wait?.event}`];
    case "sleep":
      return isGate(step_id) ? [] : [`sleep ${formatDuration(config.sleep_ms ?? 0)}`];
    case "workflow":
      return [`run ${config.workflow}`];
    case "start": {
      const { concurrency, if: condition } = config.start ?? {};
      return [
        ...condition === undefined ? [] : [`if ${condition}`],
        ...concurrency === undefined ? [] : [`at most ${concurrency.max} by ${concurrency.key}`],
      ];
    }
    case "failure":
      return ["if a step failed"];
    default:
      return [`${config.mode === "async" ? "async " : ""}call ${agent}`];
  }
}

function describeItems({ config }: CompiledStep): string {
  const limit = config.max_concurrency === undefined ? "" : `, ${config.max_concurrency} at a time`;
  return `${describeRule(config.success ?? "all")} must succeed${limit}`;
}

function describeRule(rule: ItemsRule): string {
  if (typeof rule === "string") return rule;
  return "at_least" in rule ? `at least ${rule.at_least}` : `${rule.percent} %`;
}

function describeJoin({ join_rule, join_min, kind }: CompiledStep): string[] {
  if (kind === "failure") return [];
  switch (join_rule) {
    case "all":
      return [join_min === 0 ? "join: none failed" : "join: all succeeded"];
    case "early":
      return [`join: ${join_min} succeeded`];
    case "done":
      return ["join: all ended"];
    default:
      return [];
  }
}

function drawEdges({ step_no, depends_on, config, kind }: CompiledStep): string[] {
  const label = config.unless !== undefined ? "|else|" : config.if !== undefined ? "|if|" : "";
  const arrow = kind === "failure" ? "-.->" : "-->";
  return depends_on.map((from) => `  ${nameNode(from)} ${arrow}${label} ${nameNode(step_no)}`);
}

/** The failure step leads into what runs then. */
function drawHandling(failure: CompiledStep, steps: readonly CompiledStep[]): string[] {
  const groups = (["compensate", "on_failure"] as const).filter((phase) =>
    steps.some((step) => step.phase === phase)
  );
  return [nameNode(failure.step_no), ...groups].slice(0, -1).map((from, index) =>
    `  ${from} ==> ${groups[index]}`
  );
}

/** The step that holds the condition of a template. */
function isGate(stepId: string): boolean {
  return stepId.endsWith(".$if");
}

/** Ids of steps may be words of Mermaid's own, such as `end`. */
function nameNode(stepNo: number): string {
  return `s${stepNo}`;
}

function cut(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length > MAX_LABEL ? `${line.slice(0, MAX_LABEL - 1)}…` : line;
}

const ENTITIES: Record<string, string> = {
  "#": "#35;",
  "&": "#amp;",
  "<": "#lt;",
  ">": "#gt;",
  '"': "#quot;",
  "`": "#96;",
  "%": "#37;",
};

/** Within quotes everything else is text to Mermaid. */
function escape(text: string): string {
  return text.replaceAll(/[#&<>"`%]/g, (character) => ENTITIES[character]);
}
