// Two texts as one, with signs before the lines that went and that came.
import { useMemo, useState } from "preact/hooks";
import { html } from "../../html.ts";
import { compareTexts, countChanges, type DiffLine, foldUnchanged } from "./diff_lines.ts";

/** More at once would make the page slow; the next ones come by a button. */
const SHOWN_LINES = 2_000;

export interface DiffViewProps {
  before: string;
  after: string;
  label: string;
}

export function DiffView({ before, after, label }: DiffViewProps) {
  const lines = useMemo(() => compareTexts(before, after), [before, after]);
  const [limit, setLimit] = useState(SHOWN_LINES);
  const [opened, setOpened] = useState<ReadonlySet<number>>(new Set());
  const { added, removed } = countChanges(lines);
  if (added + removed === 0) {
    return html`<p class="muted">The two texts are the same.</p>`;
  }
  return html`
    <p class="muted">${count(added)} added, ${count(removed)} removed.</p>
    <div class="diff" role="region" tabindex="0" aria-label=${label}>
      ${foldUnchanged(lines.slice(0, limit)).map((part, index) =>
        part.kind === "lines" || opened.has(index) ? part.lines.map(drawLine) : html`
          <button type="button" class="fold"
            onClick=${() => setOpened(new Set([...opened, index]))}>
                        Show ${count(part.lines.length)} without changes
                      </button>
        `
      )}
      ${lines.length > limit && html`
        <button type="button" class="fold"
          onClick=${() => setLimit(limit + SHOWN_LINES)}>
          Show more: ${count(lines.length - limit)} follow
        </button>
      `}
    </div>
  `;
}

function count(lines: number): string {
  return `${lines} ${lines === 1 ? "line" : "lines"}`;
}

const SIGNS = { same: " ", added: "+", removed: "−" };

function drawLine({ kind, before, after, text }: DiffLine) {
  return html`
    <div class="diff-line is-${kind}">
      <span class="at" aria-hidden="true">${before ?? ""}</span>
      <span class="at" aria-hidden="true">${after ?? ""}</span>
      <span class="sign">${SIGNS[kind]}</span>
      <code>${text}</code>
    </div>
  `;
}
