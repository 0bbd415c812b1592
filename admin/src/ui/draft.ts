// What somebody has typed and not sent yet, kept in this tab: it survives other pages, a session that
// ends and a reload, and is seen by nobody else who signs in here.
import { useState } from "preact/hooks";
import { me } from "../me.ts";

const PREFIX = "orchestrator.draft";

function nameDraft(name: string): string {
  return `${PREFIX}.${me.get()?.user_id ?? ""}.${name}`;
}

export function readDraft<T>(name: string): T | null {
  try {
    return JSON.parse(sessionStorage.getItem(nameDraft(name)) ?? "null");
  } catch {
    return null;
  }
}

/** Null forgets it. */
export function keepDraft<T>(name: string, draft: T | null): void {
  try {
    if (draft === null) sessionStorage.removeItem(nameDraft(name));
    else sessionStorage.setItem(nameDraft(name), JSON.stringify(draft));
  } catch {
    // The browser's space is full: the text is in the page still, but would not outlive it.
  }
}

/** State that is kept as the draft of this name; null where there is none. */
export function useDraft<T>(
  name: string,
): [T | null, (draft: T | null) => void] {
  const [draft, setDraft] = useState(() => readDraft<T>(name));
  const set = (next: T | null) => {
    keepDraft(name, next);
    setDraft(next);
  };
  return [draft, set];
}
