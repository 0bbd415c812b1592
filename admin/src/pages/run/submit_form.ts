// What the dialogs of this page have in common: a form that is sent once at a time, keeps what was typed
// when it is refused, and shows why.
import { useState } from "preact/hooks";
import type { Problem } from "../../../../supabase/functions/_shared/contract/errors.ts";
import { ApiError, SignedOutError } from "../../api.ts";

export interface Submission {
  isBusy: boolean;
  /** Why it was refused, in the server's words. */
  refusal: string;
  problems: Problem[];
  submit: (event: Event) => void;
}

export function useSubmission(send: () => Promise<void>): Submission {
  const [isBusy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState("");
  const [problems, setProblems] = useState<Problem[]>([]);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (isBusy) return;
    setBusy(true);
    setRefusal("");
    setProblems([]);
    try {
      await send();
    } catch (error) {
      // The sign-in is shown already, and the form stays behind it.
      if (!(error instanceof SignedOutError)) {
        setRefusal((error as Error).message);
        setProblems(error instanceof ApiError ? error.problems : []);
      }
    } finally {
      setBusy(false);
    }
  };
  return { isBusy, refusal, problems, submit: (event) => void submit(event) };
}
