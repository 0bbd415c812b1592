// The form that starts a run by hand: the payload by the workflow's inputs, and for whom.
import { useMemo, useRef, useState } from "preact/hooks";
import {
  type CompiledWorkflow,
  START_STEP_ID,
} from "../../../../supabase/functions/_shared/contract/compiled_workflow.ts";
import type { Problem } from "../../../../supabase/functions/_shared/contract/errors.ts";
import { ApiError, AwayError, post } from "../../api.ts";
import { html } from "../../html.ts";
import { linkTo, navigate } from "../../router.ts";
import { ActionButton } from "../../ui/action_button.ts";
import { useDraft } from "../../ui/draft.ts";
import { JsonView } from "../../ui/json.ts";
import { notify } from "../../ui/notices.ts";
import { type Entry, writeEntry } from "./inputs/entries.ts";
import { type Field, readFields } from "./inputs/fields.ts";
import { buildRequest, type RunDraft } from "./inputs/run_request.ts";
import { PayloadFields } from "./inputs/payload_fields.ts";
import { RunSettings } from "./inputs/run_settings.ts";

interface Dispatched {
  workflow_run_id: string;
  result: "created" | "existing";
}

export function RunTab(
  { compiled, source }: { compiled: CompiledWorkflow; source: string },
) {
  const { key, inputs } = compiled;
  const root = useMemo(() => readRoot(inputs, source), [inputs, source]);
  const [kept, setKept] = useDraft<RunDraft>(`run.${key}`);
  const draft = useMemo(() => kept ?? makeDraft(root), [kept, root]);
  const [problems, setProblems] = useState<Problem[]>([]);
  const form = useRef<HTMLFormElement>(null);
  const lastTry = useRef({ request: "", key: "" });
  const change = (changes: Partial<RunDraft>) => setKept({ ...draft, ...changes });
  const refuse = (found: Problem[]) => {
    setProblems(found);
    setTimeout(() => form.current?.querySelector<HTMLElement>("[aria-invalid='true']")?.focus());
  };
  const start = async () => {
    const built = buildRequest(key, draft, root);
    if (built.problems.length > 0) return refuse(built.problems);
    setProblems([]);
    const request = JSON.stringify(built.request);
    // Pressed again after an answer that never came, it must not start a second run.
    if (lastTry.current.request !== request) {
      lastTry.current = { request, key: crypto.randomUUID() };
    }
    try {
      const { workflow_run_id, result } = await post<Dispatched>("/dispatch", {
        idempotency_key: lastTry.current.key,
        ...built.request,
      });
      lastTry.current = { request: "", key: "" };
      setKept({ ...draft, idempotencyKey: "" });
      notify(
        result === "existing"
          ? "This idempotency key was used before: this is the run that it started."
          : `A run of ${key} has been started.`,
      );
      navigate(linkTo(["runs", workflow_run_id]));
    } catch (error) {
      if (error instanceof AwayError) {
        throw new Error(
          `${error.message}: it is not known whether the run was started; pressing again starts no second one`,
        );
      }
      if (!(error instanceof ApiError) || error.problems.length === 0) {
        throw error;
      }
      refuse(error.problems);
    }
  };
  return html`
    <section class="panel">
      <h2>Run it</h2>
      <${MappedInputs} compiled=${compiled} />
      <form class="run-form" ref=${form} novalidate onSubmit=${(event: Event) =>
        event.preventDefault()}>
        <${RunSettings} draft=${draft} onChange=${change} problems=${problems} />
        <${PayloadFields} root=${root} draft=${draft} onChange=${change}
          problems=${problems} />
        <${OtherProblems} problems=${problems} root=${root} draft=${draft} />
        <div class="actions">
          <${ActionButton} kind="primary" act=${start}>Start the run<//>
          <button type="button" onClick=${() => {
            setKept(null);
            setProblems([]);
          }}>Clear the form</button>
        </div>
      </form>
    </section>
  `;
}

function readRoot(
  inputs: CompiledWorkflow["inputs"],
  source: string,
): Field | null {
  const fields = inputs === null ? null : readFields(inputs, source);
  if (fields === null || fields.length === 0) return null;
  return {
    kind: "object",
    fields,
    name: "payload",
    title: null,
    description: null,
    isRequired: true,
    fallback: inputs!.default,
    hint: "",
  };
}

function makeDraft(root: Field | null): RunDraft {
  return {
    userId: "",
    intentId: "",
    idempotencyKey: "",
    priority: "",
    runAt: "",
    isJson: root === null,
    json: "{}",
    entries: root === null ? {} : writeEntry(root, undefined) as Record<string, Entry>,
  };
}

/** Where the trigger makes the inputs, the payload is what it makes them of. */
function MappedInputs({ compiled }: { compiled: CompiledWorkflow }) {
  const start = compiled.steps.find(({ step_id }) => step_id === START_STEP_ID)
    ?.config.start;
  if (start?.inputs === undefined) return null;
  return html`
    <details class="note">
      <summary>This workflow makes its inputs of the payload; the run itself checks them.</summary>
      <${JsonView} value=${start.inputs} label="how the inputs are made" />
    </details>
  `;
}

/** Those that stand at no field of the form. */
function OtherProblems(
  { problems, root, draft }: {
    problems: Problem[];
    root: Field | null;
    draft: RunDraft;
  },
) {
  if (problems.length === 0) return null;
  const isForm = root !== null && !draft.isJson;
  return html`
    <div class="warning" role="alert">
      <strong>Not started.</strong>
      <ul>${problems.map(({ path, message }, index) =>
        html`<li key=${index}>${
          path && html`
            <code>${path}</code>
          `
        }${" "}${message}</li>`
      )}</ul>
      ${isForm &&
        html`<small class="muted">Each is shown at its field, too.</small>`}
    </div>
  `;
}
