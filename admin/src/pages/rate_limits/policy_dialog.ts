// The form of one policy. What is typed stays through a refusal and through an expired session.
import { useState } from "preact/hooks";
import type { RateLimitPolicy } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { request, SignedOutError } from "../../api.ts";
import { html } from "../../html.ts";
import { Dialog } from "../../ui/dialog.ts";
import { notify } from "../../ui/notices.ts";
import { checkPolicy, type PolicyForm, type PolicyProblems } from "./policy_form.ts";

interface PolicyDialogProps {
  /** Null: a new one. */
  policy: RateLimitPolicy | null;
  reload(): Promise<void>;
  onClose(): void;
}

export function PolicyDialog({ policy, reload, onClose }: PolicyDialogProps) {
  const [form, setForm] = useState<PolicyForm>({
    pattern: policy?.pattern ?? "",
    capacity: policy?.capacity?.toString() ?? "",
    refill_rate: policy?.refill_rate.toString() ?? "",
    description: policy?.description ?? "",
  });
  const [problems, setProblems] = useState<PolicyProblems>({});
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    const checked = checkPolicy(form);
    setProblems(checked.problems);
    if (checked.policy === null) {
      return focusProblem(event.target as HTMLFormElement);
    }
    if (isBusy) return;
    setBusy(true);
    try {
      await request("PUT", "/rate_limits/policies", checked.policy);
      notify(`The policy ${checked.policy.pattern} is saved.`);
      onClose();
      await reload();
    } catch (error) {
      setBusy(false);
      if (!(error instanceof SignedOutError)) {
        setProblems({ form: (error as Error).message });
      }
    }
  };
  const field = (name: keyof PolicyForm) => ({
    name,
    form,
    problem: problems[name],
    change: (value: string) => setForm((before) => ({ ...before, [name]: value })),
  });
  return html`
    <${Dialog} title=${policy === null ? "Add a policy" : "Edit a policy"} onClose=${onClose}>
      <form onSubmit=${submit} novalidate>
        <${Field} ...${field(
          "pattern",
        )} label="Pattern" isFixed=${policy !== null} isMono
          hint="user:{id}:agent:{name}, user:{id} or agent:{name}; * stands for anything but a colon, the most specific pattern wins" />
        <${Field} ...${field("capacity")} label="Capacity" mode="decimal"
          hint="how many calls at once; empty: no limit" />
        <${Field} ...${field(
          "refill_rate",
        )} label="Refill a second" mode="decimal"
          hint="tokens that come back each second, such as 0.5" />
        <${Field} ...${field("description")} label="Description"
          hint="for the next reader" />
        <p class="problem" role="alert">${problems.form}</p>
        <footer>
          <button type="button" onClick=${onClose}>Leave as it is</button>
          <button type="submit" class="primary"
            aria-busy=${isBusy}>Save the policy</button>
        </footer>
      </form>
      <//>
  `;
}

/** Once it is drawn. */
function focusProblem(form: HTMLFormElement): void {
  setTimeout(() => form.querySelector<HTMLElement>("[aria-invalid]")?.focus());
}

interface FieldProps {
  name: keyof PolicyForm;
  form: PolicyForm;
  problem?: string;
  change(value: string): void;
  label: string;
  hint: string;
  isFixed?: boolean;
  isMono?: boolean;
  mode?: string;
}

function Field(
  { name, form, problem, change, label, hint, isFixed, isMono, mode }: FieldProps,
) {
  const problemId = `policy-${name}-problem`;
  return html`
    <label>${label} <small>${hint}</small>
      <input type="text" name=${name} value=${form[
        name
      ]} readonly=${isFixed} inputmode=${mode}
        class=${isMono ? "mono" : ""} autocomplete="off" spellcheck=${false}
        aria-invalid=${problem ? "true" : undefined}
        aria-describedby=${problem ? problemId : undefined}
        onInput=${(event: InputEvent) => change((event.target as HTMLInputElement).value)} />
      ${problem &&
        html`<span class="problem" id=${problemId}>${problem}</span>`}
    </label>
  `;
}
