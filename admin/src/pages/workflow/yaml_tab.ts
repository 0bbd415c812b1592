// The text of a workflow, and its editor.
import type { Workflow } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { html } from "../../html.ts";
import { linkTo, navigate, type Route, setQuery } from "../../router.ts";
import { readDraft } from "../../ui/draft.ts";
import { SourceView } from "../../ui/source_view.ts";
import { Editor, nameTextDraft, type TextDraft } from "./editor.ts";

export interface YamlTabProps {
  workflow: Workflow;
  route: Route;
  reload: () => Promise<void>;
}

export function YamlTab({ workflow, route, reload }: YamlTabProps) {
  const { workflow_key, source, sha256, version } = workflow;
  const close = () => setQuery({ edit: null });
  if (route.query.edit === "1") {
    return html`
      <${Editor} workflowKey=${workflow_key} original=${source} sha256=${sha256}
        version=${version} onClose=${close}
        onPublished=${async (key: string) => {
          await reload();
          if (key === workflow_key) close();
          else navigate(linkTo(["workflows", key]));
        }} />
    `;
  }
  const draft = readDraft<TextDraft>(nameTextDraft(workflow_key));
  const hasDraft = draft !== null && draft.text !== source;
  return html`
    <section class="panel">
      <div class="panel-head">
        <h2>Version ${version}</h2>
        <a class="button" href=${linkTo(route.parts, {
          tab: "yaml",
          edit: "1",
        })}>${hasDraft ? "Go on editing" : "Edit and publish…"}</a>
      </div>
      ${hasDraft &&
        html`
          <p
            class="warning">You have a text that is not published; it is kept in this browser tab.</p>
        `}
      <${SourceView} text=${source} label=${`text of version ${version}`} />
    </section>
  `;
}
