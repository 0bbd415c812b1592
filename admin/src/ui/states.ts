// What a page shows when it has nothing yet, nothing at all, or an error.
import type { ComponentChildren } from "preact";
import { ApiError } from "../api.ts";
import { html } from "../html.ts";

export function Loading({ what }: { what: string }) {
  return html`
    <div class="state"
      role="status"><span class="spinner" aria-hidden="true"></span>Loading ${what}…</div>
  `;
}

export function Empty(
  { title, children }: { title: string; children?: ComponentChildren },
) {
  return html`
    <div class="state empty">
      <h2>${title}</h2>
      <p>${children}</p>
    </div>
  `;
}

/** An error in the place of what it kept from being shown, with what to do next. */
export function Failure(
  { error, retry }: { error: Error; retry?: () => void },
) {
  const advice = error instanceof ApiError
    ? error.status === 403 ? "Ask an administrator of this project for the role." : ""
    : "This page keeps trying.";
  return html`
    <div class="state failure" role="alert">
      <h2>${error instanceof ApiError && error.status === 404
        ? "Not there"
        : "This did not work"}</h2>
      <p>${error.message}</p>
      <p class="muted">${advice}</p>
      ${retry &&
        html`<button type="button" onClick=${retry}>Try again</button>`}
    </div>
  `;
}

export interface NotYetProps {
  /** What is looked for, as it ends "Loading …". */
  what: string;
  error: Error | null;
  retry?: () => void;
}

/** In the place of data that is not there: on its way, or refused. */
export function NotYet({ what, error, retry }: NotYetProps) {
  return error === null
    ? html`<${Loading} what=${what} />`
    : html`<${Failure} error=${error} retry=${retry} />`;
}
