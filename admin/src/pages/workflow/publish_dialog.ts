// The last look before a text is published: what it changes, and of which workflow.
import { useEffect, useState } from "preact/hooks";
import type { Workflow } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { ApiError, get, post } from "../../api.ts";
import { html } from "../../html.ts";
import { linkTo } from "../../router.ts";
import { ActionButton } from "../../ui/action_button.ts";
import { Dialog } from "../../ui/dialog.ts";
import { notify } from "../../ui/notices.ts";
import { SourceView } from "../../ui/source_view.ts";
import { Failure, Loading } from "../../ui/states.ts";
import { DiffView } from "./diff_view.ts";

interface Published {
  workflow_key: string;
  version: number;
  result: "published" | "unchanged";
}

export interface PublishDialogProps {
  text: string;
  /** The key in the text. */
  workflowKey: string;
  onClose: () => void;
  onPublished: (workflowKey: string) => void;
  /** The server found problems that the check had not: they are shown in the editor. */
  onRefused: (error: ApiError) => void;
}

export function PublishDialog(props: PublishDialogProps) {
  const { text, workflowKey, onClose, onPublished, onRefused } = props;
  const [known, setKnown] = useState<Workflow | null | undefined>(undefined);
  const [failure, setFailure] = useState<Error | null>(null);
  useEffect(() => {
    get<Workflow>(`/workflows/${encodeURIComponent(workflowKey)}`).then(
      setKnown,
      (error) =>
        // 422: a file of that name was refused, and nothing is published.
        error instanceof ApiError && [404, 422].includes(error.status)
          ? setKnown(null)
          : setFailure(error),
    );
  }, [workflowKey]);
  const publish = async () => {
    try {
      const { version, result } = await post<Published>("/workflows", {
        source: text,
      });
      notify(
        result === "unchanged"
          ? `${workflowKey} was published with this text already.`
          : `${workflowKey} is published as version ${version}.`,
        { href: linkTo(["workflows", workflowKey]), text: "Show it" },
      );
      onPublished(workflowKey);
    } catch (error) {
      if (!(error instanceof ApiError) || error.problems.length === 0) {
        throw error;
      }
      onRefused(error);
    }
  };
  return html`
    <${Dialog} title=${`Publish ${workflowKey}?`} onClose=${onClose} isWide>
      <p>${known === null
        ? "This is a new workflow. It can be started as soon as it is published."
        : "Runs that are under way keep their version; new runs take this one."}</p>
      ${failure !== null && html`<${Failure} error=${failure} />`}
      ${known === undefined && failure === null &&
        html`<${Loading} what="the published version" />`}
      ${known === null && html`<${SourceView} text=${text} label="the text" />`}
      ${known && html`
        <${DiffView} before=${known.source} after=${text}
          label=${`Changes to version ${known.version}`} />
      `}
      <footer>
        <button type="button" onClick=${onClose}>Back to the text</button>
        <${ActionButton} kind="primary" act=${publish}
          disabled=${known === undefined}>Publish<//>
      </footer>
    <//>
  `;
}
