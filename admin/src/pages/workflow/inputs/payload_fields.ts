// The payload: field by field where the workflow says what it takes, or as JSON.
import { useId } from "preact/hooks";
import type { Problem } from "../../../../../supabase/functions/_shared/contract/errors.ts";
import { html } from "../../../html.ts";
import { notifyError } from "../../../ui/notices.ts";
import { type Entry, joinPath } from "./entries.ts";
import type { Field } from "./fields.ts";
import { InputField } from "./input_field.ts";
import { readPayload, type RunDraft, writePayload } from "./run_request.ts";

export interface PayloadFieldsProps {
  root: Field | null;
  draft: RunDraft;
  onChange: (changes: Partial<RunDraft>) => void;
  problems: Problem[];
}

export function PayloadFields(
  { root, draft, onChange, problems }: PayloadFieldsProps,
) {
  const byPath = new Map(
    problems.map(({ path = "", message }) => [path, message]),
  );
  const isForm = root !== null && !draft.isJson;
  const toggle = () => {
    const { value, problems: [problem] } = readPayload(draft, root);
    if (!draft.isJson) {
      return onChange({
        isJson: true,
        json: JSON.stringify(value ?? {}, null, 2),
      });
    }
    const entries = problem === undefined
      ? writePayload(value as Record<string, unknown>, root!)
      : null;
    if (entries !== null) return onChange({ isJson: false, entries });
    notifyError(
      new Error(
        problem === undefined
          ? "the form has no field for all of this JSON; it stays as it is"
          : `the payload ${problem.message}`,
      ),
    );
  };
  return html`
    <fieldset class="payload">
      <legend>Payload</legend>
      ${root !== null && html`
        <label class="json-switch">
          <input type="checkbox" role="switch" checked=${draft
            .isJson} onClick=${(event: Event) => {
            // Checked as the draft says, also where the JSON does not go into the form.
            event.preventDefault();
            setTimeout(toggle);
          }} /> as JSON
        </label>
      `}
      ${isForm && root.kind === "object"
        ? root.fields.map((field) =>
          html`
            <${InputField} key=${field.name} field=${field}
              path=${joinPath("payload", field.name)} entry=${draft
                .entries[field.name]}
              problems=${byPath}
              onEntry=${(entry: Entry) =>
                onChange({
                  entries: { ...draft.entries, [field.name]: entry },
                })} />
          `
        )
        : html`
          <${JsonField} draft=${draft} onChange=${onChange}
            problem=${problems.find(({ path = "" }) => path.startsWith("payload"))} />
        `}
    </fieldset>
  `;
}

function JsonField(
  { draft, onChange, problem }:
    & Pick<PayloadFieldsProps, "draft" | "onChange">
    & {
      problem: Problem | undefined;
    },
) {
  const id = useId();
  return html`
    <div class="field">
      <label for=${id}>A JSON object</label>
      <textarea id=${id} rows="8" spellcheck=${false} value=${draft.json}
        aria-invalid=${problem !==
          undefined} aria-describedby=${`${id}-problem`}
        onInput=${(event: Event) =>
          onChange({
            json: (event.target as HTMLTextAreaElement).value,
          })}></textarea>
      <small class="problem" id=${`${id}-problem`}>${problem &&
        `${problem.path === "payload" ? "" : `${problem.path} `}${problem.message}`}</small>
    </div>
  `;
}
