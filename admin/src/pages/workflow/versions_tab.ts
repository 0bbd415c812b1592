// The versions of a workflow: read one, compare two, and take an old one up again.
import { useState } from "preact/hooks";
import type {
  Workflow,
  WorkflowVersion,
} from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { get } from "../../api.ts";
import { html } from "../../html.ts";
import { useLive } from "../../live.ts";
import { linkTo, navigate, type Route } from "../../router.ts";
import { ActionButton } from "../../ui/action_button.ts";
import { keepDraft, readDraft } from "../../ui/draft.ts";
import { SourceView } from "../../ui/source_view.ts";
import { Failure, Loading } from "../../ui/states.ts";
import { type Column, Table } from "../../ui/table.ts";
import { Time } from "../../ui/time.ts";
import { DiffView } from "./diff_view.ts";
import { nameTextDraft, type TextDraft } from "./editor.ts";

type Version = Workflow["versions"][number];

export function VersionsTab(
  { workflow, route }: { workflow: Workflow; route: Route },
) {
  const { workflow_key, versions } = workflow;
  const shown = Number(route.query.version);
  const columns: Column<Version>[] = [
    {
      title: "Version",
      cell: ({ version, is_published }) =>
        html`
          <a aria-current=${version === shown ? "true" : undefined}
            href=${linkTo(route.parts, {
              tab: "versions",
              version: String(version),
            })}>Version ${version}</a>
          ${" "}${is_published && html`
            <span class="tag">published</span>
          `}
        `,
    },
    {
      title: "Made",
      cell: ({ created_at }) => html`<${Time} at=${created_at} />`,
    },
    {
      title: "Content",
      cell: ({ sha256 }) => html`<code title=${sha256}>${sha256.slice(0, 10)}</code>`,
    },
    {
      title: "Changes",
      cell: ({ version }) => {
        const older = findOlder(versions, version);
        return older === undefined
          ? html`<span class="muted">the first one</span>`
          : html`<a href=${
            linkTo(route.parts, {
              tab: "versions",
              version: String(version),
              to: String(older),
            })
          }>Compare with ${older}</a>`;
      },
    },
  ];
  return html`
    <section class="panel">
      <h2>Versions</h2>
      <${Table} caption="Versions, newest first" columns=${columns}
        rows=${versions}
        rowKey=${({ version }: Version) => version} />
    </section>
    ${route.query.version && html`
      <${OneVersion} key=${route.query
        .version} workflowKey=${workflow_key} versions=${versions}
        version=${shown} against=${Number(route.query.to) || null}
        sha256=${workflow.sha256} route=${route} />
    `}
  `;
}

/** Versions come newest first. */
function findOlder(versions: Version[], version: number): number | undefined {
  return versions.find((other) => other.version < version)?.version;
}

interface OneVersionProps {
  workflowKey: string;
  versions: Version[];
  version: number;
  /** Compared with; null: the text is shown as it is. */
  against: number | null;
  /** Of the published version. */
  sha256: string;
  route: Route;
}

function OneVersion(props: OneVersionProps) {
  const { workflowKey, versions, version, against, sha256, route } = props;
  const one = useVersion(workflowKey, version);
  const other = useVersion(workflowKey, against ?? version);
  const compareWith = ({ target }: Event) =>
    navigate(linkTo(route.parts, {
      ...route.query,
      to: (target as HTMLSelectElement).value,
    }));
  const restore = () => {
    keepDraft<TextDraft>(nameTextDraft(workflowKey), {
      text: one.data!.source,
      sha256,
    });
    navigate(linkTo(route.parts, { tab: "yaml", edit: "1" }));
    return Promise.resolve();
  };
  const [hasDraft] = useState(() => readDraft(nameTextDraft(workflowKey)) !== null);
  const error = one.error ?? other.error;
  return html`
    <section class="panel" aria-label=${`Version ${version}`}>
      <div class="panel-head">
        <h2>Version ${version}</h2>
        <label class="inline">Compared with
          <select onChange=${compareWith}>
            <option value="" selected=${against ===
              null}>nothing: the text itself</option>
            ${versions.filter((it) => it.version !== version).map((it) =>
              html`
                <option key=${it.version} value=${it.version}
                  selected=${it.version === against}>version ${it
                    .version}</option>
              `
            )}
          </select>
        </label>
        ${one.data && html`
          <${ActionButton} act=${restore}
            label=${`Restore… version ${version} in the editor`}
            confirm=${hasDraft
              ? "The editor holds a text that is not published; it is replaced by this one."
              : undefined}>Restore…<//>
        `}
      </div>
      ${error !== null
        ? html`<${Failure} error=${error} retry=${one.reload} />`
        : one.data === null || other.data === null
        ? html`<${Loading} what="the text" />`
        : against === null
        ? html`<${SourceView} text=${one.data.source} label=${`text of version ${version}`} />`
        : version > against
        ? html`
          <${DiffView} before=${other.data.source} after=${one.data.source}
            label=${`From version ${against} to version ${version}`} />
        `
        : html`
          <${DiffView} before=${one.data.source} after=${other.data.source}
            label=${`From version ${version} to version ${against}`} />
        `}
    </section>
  `;
}

/** A version never changes: asked for once. */
function useVersion(workflowKey: string, version: number) {
  const path = `/workflows/${encodeURIComponent(workflowKey)}/versions/${version}`;
  return useLive(path, () => get<WorkflowVersion>(path), null);
}
