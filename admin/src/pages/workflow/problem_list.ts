// What the checker found, line by line; each entry leads to its place in the text.
import type { Problem } from "../../../../supabase/functions/_shared/contract/errors.ts";
import { html } from "../../html.ts";
import type { CheckedText } from "./check_source.ts";

export interface ProblemListProps {
  id: string;
  checked: CheckedText;
  /** The text has changed since. */
  isOld: boolean;
  onGo: (problem: Problem) => void;
}

export function ProblemList({ id, checked, isOld, onGo }: ProblemListProps) {
  const { problems } = checked;
  return html`
    <div id=${id} class="problem-list">
      <p role="status" class=${problems.length > 0 ? "verdict is-bad" : "verdict"}>
        ${describeVerdict(checked, isOld)}
      </p>
      ${problems.length > 0 && html`
        <ol>
          ${problems.map((problem, index) =>
            html`
              <li key=${index}>
                <${ProblemLine} problem=${problem} onGo=${onGo} />
              </li>
            `
          )}
        </ol>
      `}
    </div>
  `;
}

function ProblemLine(
  { problem, onGo }: { problem: Problem; onGo: (problem: Problem) => void },
) {
  const { line, column, message, near = [], file } = problem;
  return html`
    ${line !== undefined && html`
      <button type="button" class="quiet place" onClick=${() => onGo(problem)}>
        ${file ? `${file}, line` : "Line"} ${line}${column === undefined ? "" : `:${column}`}
      </button>
    `}
    <span>${message}${near.length > 0 &&
      html`; did you mean ${
        near.map((name, index) => html`${index > 0 ? " or " : ""}<code>${name}</code>`)
      }?`}</span>
  `;
}

function describeVerdict(
  { text, problems, workflow, failure }: CheckedText,
  isOld: boolean,
): string {
  if (failure !== null) return `Not checked, trying again: ${failure}`;
  if (text === null || isOld) return "Checking…";
  if (problems.length > 0) {
    return problems.length === 1 ? "✕ One problem" : `✕ ${problems.length} problems`;
  }
  // Without those that the compiler adds.
  const steps = workflow?.steps.filter(({ kind }) => kind !== "start" && kind !== "failure");
  const count = steps?.length ?? 0;
  return `✓ No problems: ${workflow?.key}, ${count} ${count === 1 ? "step" : "steps"}`;
}

/** The messages by line, for the marks beside the text. */
export function markLines(problems: Problem[]): Map<number, string> {
  const marks = new Map<number, string>();
  for (const { line, message, file } of problems) {
    // Problems of a template stand in another file.
    if (line === undefined || file !== undefined) continue;
    const known = marks.get(line);
    marks.set(line, known === undefined ? message : `${known}\n${message}`);
  }
  return marks;
}
