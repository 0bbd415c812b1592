// One field of the form, with its name, its rules and what the server found wrong with it.
import { useId } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { html } from "../../../html.ts";
import { type Entry, joinPath, writeEntry } from "./entries.ts";
import type { Field } from "./fields.ts";

export interface InputFieldProps {
  field: Field;
  path: string;
  entry: Entry | undefined;
  onEntry: (entry: Entry) => void;
  /** What is wrong, by path. */
  problems: Map<string, string>;
}

export function InputField(props: InputFieldProps) {
  const { field, path, problems } = props;
  const problem = problems.get(path);
  if (field.kind === "object") {
    return html`
      <${Group} field=${field} problem=${problem}>
        <${Members} ...${props} field=${field} />
        <//>
    `;
  }
  if (field.kind === "list") {
    return html`
      <${Group} field=${field} problem=${problem}>
        <${Items} ...${props} field=${field} />
        <//>
    `;
  }
  return html`<${LabelledInput} ...${props} name=${field.title ?? field.name} />`;
}

/** A field of a single value under the name given. */
function LabelledInput(props: InputFieldProps & { name: string }) {
  const { field, path, problems, name } = props;
  const problem = problems.get(path);
  const id = useId();
  const about = describeField(field);
  return html`
    <div class="field">
      <label for=${id}>${name}${" "}${field.isRequired && html`
        <span class="muted">required</span>
      `}</label>
      <${Input} ...${props} id=${id} isInvalid=${problem !== undefined}
        describedBy=${`${id}-about ${id}-problem`} />
      <small class="muted" id=${`${id}-about`}>${about}</small>
      <small class="problem" id=${`${id}-problem`}>${problem}</small>
    </div>
  `;
}

function describeField({ description, hint, kind, fallback }: Field): string {
  const isJson = kind === "json" ? "JSON" : "";
  // A list that is emptied is sent so.
  const isKnown = fallback === undefined || kind === "list"
    ? ""
    : `${JSON.stringify(fallback)} if left empty`;
  return [description, [isJson, hint, isKnown].filter((it) => it).join("; ")]
    .filter((it) => it).join(" · ");
}

function Group(
  { field, problem, children }: {
    field: Field;
    problem: string | undefined;
    children: ComponentChildren;
  },
) {
  return html`
    <fieldset>
      <legend>${field.title ?? field.name}${" "}${field.isRequired && html`
        <span class="muted">required</span>
      `}</legend>
      <small class="muted">${describeField(field)}</small>
      ${children}
      ${problem &&
        html`<small class="problem" tabindex="-1" aria-invalid="true">${problem}</small>`}
    </fieldset>
  `;
}

function Members(
  { field, path, entry, onEntry, problems }: InputFieldProps & {
    field: Field & { kind: "object" };
  },
) {
  const entries = (entry ?? {}) as Record<string, Entry>;
  return field.fields.map((inner) =>
    html`
      <${InputField} key=${inner.name} field=${inner} path=${joinPath(
        path,
        inner.name,
      )}
        entry=${entries[inner.name]} problems=${problems}
        onEntry=${(next: Entry) => onEntry({ ...entries, [inner.name]: next })} />
    `
  );
}

function Items(
  { field, path, entry, onEntry, problems }: InputFieldProps & {
    field: Field & { kind: "list" };
  },
) {
  const entries = Array.isArray(entry) ? entry : [];
  return html`
    ${entries.map((item, index) =>
      html`
        <div class="list-item" key=${index}>
          <${LabelledInput} name=${`${field.name} ${index + 1}`} field=${{
            ...field.item,
            isRequired: false,
          }} path=${joinPath(path, index)}
            entry=${item} problems=${problems}
            onEntry=${(next: Entry) => onEntry(entries.with(index, next))} />
          <button type="button" aria-label=${`Remove ${field.name} ${index + 1}`}
            onClick=${() => onEntry(entries.toSpliced(index, 1))}>Remove</button>
        </div>
      `
    )}
    <button type="button" onClick=${() =>
      onEntry([...entries, writeEntry(field.item, undefined)])}>Add to ${field
      .name}</button>
  `;
}

interface InputProps extends InputFieldProps {
  id: string;
  isInvalid: boolean;
  describedBy: string;
}

function Input(
  { field, entry, onEntry, id, isInvalid, describedBy }: InputProps,
) {
  const text = typeof entry === "string" ? entry : "";
  const common = {
    id,
    value: text,
    required: field.isRequired,
    "aria-invalid": isInvalid,
    "aria-describedby": describedBy,
    onInput: (event: Event) => onEntry((event.target as HTMLInputElement).value),
  };
  if (field.kind === "boolean" || field.kind === "choice") {
    const options = field.kind === "boolean" ? [true, false] : field.options;
    return html`
      <select ...${common}>
        <option value="" selected=${text === ""}>${field.fallback === undefined
          ? "not given"
          : "as the workflow says"}</option>
        ${options.map((option) => {
          const value = JSON.stringify(option);
          return html`
            <option key=${value} value=${value}
              selected=${value === text}>${typeof option === "string" ? option : value}</option>
          `;
        })}
      </select>
    `;
  }
  if (field.kind === "json" || field.kind === "text" && field.isLong) {
    return html`<textarea ...${common} rows="4" spellcheck=${field.kind === "text"}></textarea>`;
  }
  // A number field of the browser hides what is no number, and changes with the mouse wheel.
  return field.kind === "text"
    ? html`<input ...${common} type=${field.type} step=${
      field.type === "datetime-local" ? "1" : undefined
    } autocomplete="off" />`
    : html`<input ...${common} type="text" inputmode="decimal" autocomplete="off" />`;
}
