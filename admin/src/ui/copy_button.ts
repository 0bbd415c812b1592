import { useState } from "preact/hooks";
import { html } from "../html.ts";
import { notifyError } from "./notices.ts";

const SAID_MS = 2_000;

export interface CopyButtonProps {
  text: string;
  label: string;
  /** What stands on the button. */
  word?: string;
}

/** Puts a text on the clipboard and says so. */
export function CopyButton({ text, label, word = "Copy" }: CopyButtonProps) {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      setTimeout(() => setCopied(false), SAID_MS);
    } catch {
      notifyError(
        new Error("the browser does not let this page write to the clipboard"),
      );
    }
  };
  return html`
    <button type="button" class="copy" aria-label=${label}
      onClick=${copy}>${isCopied ? "Copied" : word}</button>
  `;
}
