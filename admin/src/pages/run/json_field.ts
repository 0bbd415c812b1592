// A field for a JSON object: what is wrong with it stands below it while it is typed, and what the server
// finds wrong with it too, by path.
import { useId } from "preact/hooks";
import type { Problem } from "../../../../supabase/functions/_shared/contract/errors.ts";
import { html } from "../../html.ts";

export interface JsonFieldProps {
  label: string;
  hint?: string;
  text: string;
  setText: (text: string) => void;
  /** What the server said of the text as it was sent. */
  problems?: Problem[];
  rows?: number;
}

export function JsonField(props: JsonFieldProps) {
  const { label, hint, text, setText, problems = [], rows = 6 } = props;
  const id = useId();
  const fault = readObject(text).fault;
  return html`
    <div class="field">
      <label for=${id}>${label}${hint &&
        html`<small class="muted">${hint}</small>`}</label>
      <textarea id=${id} rows=${rows} spellcheck=${false}
        value=${text}
        aria-invalid=${fault !== null || problems.length > 0}
        aria-describedby=${`${id}-problems`}
        onInput=${(event: Event) =>
          setText((event.target as HTMLTextAreaElement).value)}></textarea>
      <div id=${`${id}-problems`} role="status">
        ${fault !== null && html`<p class="problem">${fault}</p>`}
        ${problems.length > 0 && html`
          <ul class="problems">
            ${problems.map(({ path, message }) =>
              html`<li><code>${path}</code>${" "}${message}</li>`
            )}
          </ul>
        `}
      </div>
    </div>
  `;
}

/** The object that a text holds; nothing for an empty text. */
export function readObject(
  text: string,
): { value?: Record<string, unknown>; fault: string | null } {
  if (text.trim() === "") return { fault: null };
  try {
    const value = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null &&
      !Array.isArray(value);
    return isObject ? { value, fault: null } : { fault: "This must be a JSON object, such as {}." };
  } catch (error) {
    return { fault: `This is not JSON: ${(error as Error).message}` };
  }
}
