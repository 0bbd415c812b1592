// For whom a run is, and what else a request may say of it.
import { useId, useState } from "preact/hooks";
import type { Problem } from "../../../../../supabase/functions/_shared/contract/errors.ts";
import { html } from "../../../html.ts";
import type { RunDraft } from "./run_request.ts";

type TextName = "userId" | "intentId" | "idempotencyKey" | "priority" | "runAt";

interface Setting {
  name: TextName;
  /** In the request. */
  path: string;
  label: string;
  about: string;
}

const MORE: Setting[] = [
  {
    name: "intentId",
    path: "intent_id",
    label: "Intent",
    about: "The app's own id of what the run is for.",
  },
  {
    name: "idempotencyKey",
    path: "idempotency_key",
    label: "Idempotency key",
    about: "The same key never starts a second run.",
  },
  {
    name: "priority",
    path: "priority",
    label: "Priority",
    about: "0 to 1,000, 100 if left empty; lower ones go first.",
  },
  {
    name: "runAt",
    path: "run_at",
    label: "Not before",
    about: "In your time zone; empty: now.",
  },
];

export interface RunSettingsProps {
  draft: RunDraft;
  onChange: (changes: Partial<RunDraft>) => void;
  problems: Problem[];
}

export function RunSettings(props: RunSettingsProps) {
  const { draft, problems } = props;
  const [isOpen, setOpen] = useState(() => MORE.some(({ name }) => draft[name] !== ""));
  const hasProblem = MORE.some(({ path }) => problems.some((problem) => problem.path === path));
  return html`
    <${SettingField} ...${props} isRequired setting=${{
      name: "userId",
      path: "user_id",
      label: "User",
      about: "The id of the user for whom the run is.",
    }} />
    <details open=${isOpen || hasProblem}
      onToggle=${(event: Event) => setOpen((event.target as HTMLDetailsElement).open)}>
      <summary>More: intent, idempotency key, priority, not before</summary>
      <div class="settings">
        ${MORE.map((setting) =>
          html`<${SettingField} ...${props} key=${setting.name} setting=${setting} />`
        )}
      </div>
    </details>
  `;
}

function SettingField(
  { setting, draft, onChange, problems, isRequired = false }:
    & RunSettingsProps
    & {
      setting: Setting;
      isRequired?: boolean;
    },
) {
  const { name, path, label, about } = setting;
  const id = useId();
  const problem = problems.find((it) => it.path === path);
  return html`
    <div class="field">
      <label for=${id}>${label}${" "}${isRequired && html`
        <span class="muted">required</span>
      `}</label>
      <input id=${id} type=${name === "runAt" ? "datetime-local" : "text"} value=${draft[name]}
        inputmode=${name === "priority" ? "numeric" : undefined}
        required=${isRequired} autocomplete="off" spellcheck=${false}
        aria-invalid=${problem !==
          undefined} aria-describedby=${`${id}-about ${id}-problem`}
        onInput=${(event: Event) =>
          onChange({ [name]: (event.target as HTMLInputElement).value })} />
      <small class="muted" id=${`${id}-about`}>${about}</small>
      <small class="problem" id=${`${id}-problem`}>${problem?.message}</small>
    </div>
  `;
}
