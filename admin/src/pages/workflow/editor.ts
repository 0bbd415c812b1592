// The editor of a workflow's text: checked while it is typed, kept as a draft until it is published or
// thrown away.
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { Problem } from "../../../../supabase/functions/_shared/contract/errors.ts";
import type { ApiError } from "../../api.ts";
import { html } from "../../html.ts";
import { ActionButton } from "../../ui/action_button.ts";
import { useDraft } from "../../ui/draft.ts";
import { NOTHING_CHECKED, useCheckedText } from "./check_source.ts";
import { CodeField, putCursor } from "./code_field.ts";
import { markLines, ProblemList } from "./problem_list.ts";
import { PublishDialog } from "./publish_dialog.ts";

/** A text that was not published yet. */
export interface TextDraft {
  text: string;
  /** Of the published version that it began with; null: none. */
  sha256: string | null;
}

/** Name of the draft of a workflow's text; of a new one without a key. */
export function nameTextDraft(workflowKey: string | null): string {
  return `text.${workflowKey ?? ""}`;
}

export interface EditorProps {
  /** Null: a new workflow. */
  workflowKey: string | null;
  /** The published text, or what a new one begins with. */
  original: string;
  sha256: string | null;
  version: number | null;
  onClose: () => void;
  onPublished: (workflowKey: string) => void;
}

export function Editor(props: EditorProps) {
  const { workflowKey, original, sha256, version, onClose, onPublished } = props;
  const [draft, setDraft] = useDraft<TextDraft>(nameTextDraft(workflowKey));
  const [isPublishing, setPublishing] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  const listId = useId();
  const text = draft?.text ?? original;
  const isChanged = text !== original;
  const isWorthPublishing = isChanged || workflowKey === null;
  useUnsavedWarning(isChanged);
  const [checked, setChecked] = useCheckedText(text);
  const isOld = checked.text !== text;
  const { workflow } = checked;
  const isReady = !isOld && workflow !== null;
  const isOutdated = draft !== null && draft.sha256 !== sha256;
  const isRenamed = isReady && workflowKey !== null &&
    workflow.key !== workflowKey;
  const type = (next: string) => setDraft({ text: next, sha256: draft?.sha256 ?? sha256 });
  const leave = () => {
    setDraft(null);
    onClose();
  };
  return html`
    <section class="panel editor" aria-label="Editor">
      <div class="panel-head">
        <h2>${workflowKey === null ? "New workflow" : "Edit"}</h2>
        <span class="muted">${isChanged ? "Not published yet; kept in this browser tab" : ""}</span>
      </div>
      ${isOutdated && html`<p class="warning">
        Version ${version} was published after you had begun. Publishing shows what your text changes of it.
      </p>`}
      <${CodeField} field=${field} text=${text} onText=${type} label="Text of the workflow, YAML"
        marks=${markLines(checked.problems)} describedBy=${listId} />
      <${ProblemList} id=${listId} checked=${checked} isOld=${isOld}
        onGo=${({ line, column }: Problem) => putCursor(field.current!, line ?? 1, column)} />
      ${isRenamed && html`<p class="warning">
        The key is <code>${workflow.key}</code> now: publishing makes or changes that workflow, and${" "}
        <code>${workflowKey}</code> stays as it is.
      </p>`}
      <div class="actions">
        <${ActionButton} kind="primary" disabled=${!isReady ||
          !isWorthPublishing}
          act=${() => Promise.resolve(setPublishing(true))}>Publish…<//>
        <${LeaveButton} isChanged=${isChanged} onLeave=${leave} />
      </div>
      ${isPublishing && isReady && html`
        <${PublishDialog} text=${text} workflowKey=${workflow.key}
          onClose=${() => setPublishing(false)}
          onRefused=${({ problems }: ApiError) => {
            setChecked({ ...NOTHING_CHECKED, text, problems });
            setPublishing(false);
          }}
          onPublished=${(key: string) => {
            setDraft(null);
            onPublished(key);
          }} />
      `}
    </section>
  `;
}

/** Asks once more where something would be lost; a viewer may throw away their own text, too. */
function LeaveButton(
  { isChanged, onLeave }: { isChanged: boolean; onLeave: () => void },
) {
  const [isAsking, setAsking] = useState(false);
  if (!isAsking || !isChanged) {
    return html`
      <button type="button"
        onClick=${() => isChanged ? setAsking(true) : onLeave()}>${isChanged
          ? "Discard the changes…"
          : "Close"}</button>
    `;
  }
  return html`
    <button type="button" class="danger"
      onClick=${onLeave}>Discard for good</button>
    <button type="button" onClick=${() => setAsking(false)}>Keep editing</button>
  `;
}

function useUnsavedWarning(isChanged: boolean): void {
  useEffect(() => {
    if (!isChanged) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, [isChanged]);
}
