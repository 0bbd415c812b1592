// The dialog of a bulk action: first how many and which, then the work with its progress, then what came of it.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { BulkAnswer } from "../../../supabase/functions/_shared/contract/dashboard.ts";
import { html } from "../html.ts";
import { useLive } from "../live.ts";
import { type BulkRefusal, type BulkWork, useBulkWork } from "./bulk_work.ts";
import { Dialog } from "./dialog.ts";
import { Failure, Loading } from "./states.ts";

export interface BulkCount {
  count: number;
  is_capped: boolean;
  newest: string | number | null;
}

export interface BulkDialogProps<Id extends string | number> {
  title: string;
  /** The button that begins, such as "Cancel the runs". */
  verb: string;
  /** What was done, such as "cancelled". */
  done: string;
  nouns: { one: string; many: string };
  isDanger?: boolean;
  /** The filter in words. */
  which: ComponentChildren;
  /** What it means for the runs or jobs. */
  means: string;
  hasReason?: boolean;
  count(): Promise<BulkCount>;
  page(
    newest: Id,
    cursor: Id | null,
    reason: string | null,
  ): Promise<BulkAnswer<Id>>;
  linkRefused(id: Id): ComponentChildren;
  onClose(): void;
}

export function BulkDialog<Id extends string | number>(
  props: BulkDialogProps<Id>,
) {
  const counted = useLive("count", props.count, null);
  const { work, begin, stop } = useBulkWork();
  const [reason, setReason] = useState("");
  const total = counted.data;
  const start = () =>
    begin((cursor) =>
      props.page(
        total!.newest as Id,
        cursor as Id | null,
        reason.trim() === "" ? null : reason.trim(),
      )
    );
  const isUnderWay = work.state === "working";
  return html`
    <${Dialog} title=${props.title} onClose=${isUnderWay ? undefined : props.onClose}>
      ${counted.error !== null
        ? html`<${Failure} error=${counted.error} retry=${() => void counted.reload()} />`
        : total === null
        ? html`<${Loading} what="the count" />`
        : work.state !== "not_begun"
        ? html`<${Progress} ...${props} work=${work} total=${total} />`
        : total.count === 0 || total.newest === null
        ? html`
          <p>Nothing to do: no ${props.nouns
            .one} that this could touch matches.</p>
          <p>${props.which}</p>
        `
        : html`
          <p class="bulk-count"><strong>${describeCount(
            total,
            props.nouns,
          )}</strong></p>
          <p>${props.which}</p>
          <p>${props.means} Later ones are left alone.</p>
          ${props.hasReason && html`
            <label>Reason <small>shown on each of them and in the audit log</small>
              <input type="text" value=${reason} maxlength="500"
                onInput=${(event: InputEvent) =>
                  setReason((event.target as HTMLInputElement).value)} />
            </label>
          `}
        `}
      <footer>
        ${isUnderWay
          ? html`<button type="button" onClick=${stop}>Stop</button>`
          : html`<button type="button" onClick=${props.onClose}>${
            work.state === "not_begun" ? "Leave as it is" : "Close"
          }</button>`}
        ${total !== null && total.count > 0 && total.newest !== null &&
          work.state === "not_begun" && html`
          <button type="button" class=${props.isDanger ? "danger" : "primary"} onClick=${start}>
            ${props.verb}
          </button>
        `}
        ${(work.state === "stopped" || work.state === "broken") &&
          html`<button type="button" class="primary" onClick=${start}>Go on</button>`}
      </footer>
    <//>
  `;
}

function describeCount(
  { count, is_capped }: BulkCount,
  nouns: BulkDialogProps<string>["nouns"],
) {
  const number = `${count.toLocaleString()}${is_capped ? " or more" : ""}`;
  return `${number} ${count === 1 && !is_capped ? nouns.one : nouns.many}`;
}

interface ProgressProps extends BulkDialogProps<string | number> {
  work: BulkWork;
  total: BulkCount;
}

const ENDS: Record<BulkWork["state"], string> = {
  not_begun: "",
  working: "Working…",
  done: "Done.",
  stopped: "Stopped.",
  broken: "Broken off: the rest is untouched, go on when you like.",
};

function Progress({ work, total, done, nouns, linkRefused }: ProgressProps) {
  const touched = work.changed + work.refused.length;
  const most = Math.max(total.count, touched);
  const refused = work.refused.length > 0
    ? `, ${work.refused.length.toLocaleString()} refused`
    : "";
  const result = `${work.changed.toLocaleString()} ${
    work.changed === 1 ? nouns.one : nouns.many
  } ${done}${refused}.`;
  const isOpenEnded = total.is_capped && work.state === "working";
  return html`
    <label>Progress
      <progress max=${most} value=${work.state === "done" ? most : touched}></progress>
    </label>
    <p aria-hidden=${work.state !== "working" ? undefined : "true"}>
      ${touched.toLocaleString()} of ${most.toLocaleString()}${isOpenEnded ? " or more" : ""}
    </p>
    <p role="status">${ENDS[work.state]}${work.state !== "working" && html`
      ${" "}<strong>${result}</strong>
    `}
    </p>
    ${work.error &&
      html`<p class="problem" role="alert">${work.error.message}</p>`}
    ${work.refused.length > 0 &&
      html`<${Refused} refused=${work.refused} linkRefused=${linkRefused} />`}
  `;
}

const SHOWN_REFUSALS = 200;

function Refused(
  { refused, linkRefused }: {
    refused: BulkRefusal[];
    linkRefused: ProgressProps["linkRefused"];
  },
) {
  const rest = refused.length - SHOWN_REFUSALS;
  return html`
    <details class="refused" open>
      <summary>Refused: ${refused.length.toLocaleString()}</summary>
      <ul tabindex="0" aria-label="What was refused, and why">
        ${refused.slice(0, SHOWN_REFUSALS).map(({ id, reason }) =>
          html`<li key=${id}>${linkRefused(id)} ${reason}</li>`
        )}
        ${rest > 0 && html`<li>and ${rest.toLocaleString()} more</li>`}
      </ul>
    </details>
  `;
}
