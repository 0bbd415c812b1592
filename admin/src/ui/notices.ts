// Short messages about what an action did, told to screen readers too; errors stay until they are closed.
import { html } from "../html.ts";
import { createStore, useStore } from "../store.ts";

interface Notice {
  id: number;
  text: string;
  isError: boolean;
  /** Where to look next. */
  link?: { href: string; text: string };
}

const SHOWN_MS = 6_000;
const notices = createStore<Notice[]>([]);
let lastId = 0;

export function notify(text: string, link?: Notice["link"]): void {
  const id = add({ text, link, isError: false });
  setTimeout(() => close(id), SHOWN_MS);
}

export function notifyError(error: unknown): void {
  add({
    text: error instanceof Error ? error.message : String(error),
    isError: true,
  });
}

function add(notice: Omit<Notice, "id">): number {
  const id = ++lastId;
  notices.set([...notices.get().slice(-3), { id, ...notice }]);
  return id;
}

function close(id: number): void {
  notices.set(notices.get().filter((notice) => notice.id !== id));
}

export function Notices() {
  const shown = useStore(notices);
  return html`
    <div class="notices" role="status" aria-live="polite">
      ${shown.map(({ id, text, isError, link }) =>
        html`
          <div key=${id} class="notice ${isError ? "is-error" : ""}">
            <span>${isError ? html`<strong>Refused: </strong>` : null}${text}${" "}
              ${link && html`<a href=${link.href}>${link.text}</a>`}</span>
            <button type="button" class="quiet" aria-label="Close this message"
              onClick=${() => close(id)}>×</button>
          </div>
        `
      )}
    </div>
  `;
}
