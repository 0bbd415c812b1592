// The checker's word on a text while it is being typed.
import { useEffect, useState } from "preact/hooks";
import type { CompiledWorkflow } from "../../../../supabase/functions/_shared/contract/compiled_workflow.ts";
import type { Problem } from "../../../../supabase/functions/_shared/contract/errors.ts";
import { ApiError, post, SignedOutError } from "../../api.ts";
import { useStore } from "../../store.ts";
import { session } from "../../session.ts";

const TYPING_MS = 600;
const AGAIN_MS = 3_000;

export interface CheckedText {
  /** Of the text it was asked for; an older one is shown while a new one is asked for. */
  text: string | null;
  problems: Problem[];
  workflow: CompiledWorkflow | null;
  /** Why nobody could check it; asked again by itself. */
  failure: string | null;
}

export const NOTHING_CHECKED: CheckedText = {
  text: null,
  problems: [],
  workflow: null,
  failure: null,
};

/** What is known of the text, and a way to put in what publishing has found. */
export function useCheckedText(
  text: string,
): [CheckedText, (checked: CheckedText) => void] {
  const [checked, setChecked] = useState(NOTHING_CHECKED);
  const [tries, setTries] = useState(0);
  const isSignedIn = typeof useStore(session) !== "string";
  useEffect(() => {
    if (text === checked.text && checked.failure === null) return;
    if (!isSignedIn) return;
    let isOver = false;
    let again: ReturnType<typeof setTimeout> | undefined;
    const timer = setTimeout(async () => {
      const next = await checkText(text);
      if (isOver || next === null) return;
      setChecked(next);
      if (next.failure === null) return;
      again = setTimeout(() => setTries((count) => count + 1), AGAIN_MS);
    }, TYPING_MS);
    return () => {
      isOver = true;
      clearTimeout(timer);
      clearTimeout(again);
    };
  }, [text, tries, isSignedIn]);
  return [checked, setChecked];
}

/** Null: somebody has to sign in first. */
async function checkText(text: string): Promise<CheckedText | null> {
  if (text.trim() === "") {
    return {
      ...NOTHING_CHECKED,
      text,
      problems: [{ message: "the text is empty", line: 1, column: 1 }],
    };
  }
  try {
    const { workflow } = await post<{ workflow: CompiledWorkflow }>(
      "/workflows/validate",
      { source: text },
    );
    return { ...NOTHING_CHECKED, text, workflow };
  } catch (error) {
    if (error instanceof SignedOutError) return null;
    if (error instanceof ApiError && error.problems.length > 0) {
      return { ...NOTHING_CHECKED, text, problems: error.problems };
    }
    return { ...NOTHING_CHECKED, text, failure: (error as Error).message };
  }
}
