// Fields that filter a list: what they hold is in the URL, so that a filtered list can be sent to somebody.
// Each keeps what is being typed to itself, so that a poll or a slow URL never takes a letter away.
import { useEffect, useRef, useState } from "preact/hooks";
import type { ListedWorkflow } from "../../../supabase/functions/_shared/contract/dashboard.ts";
import { get } from "../api.ts";
import { html } from "../html.ts";
import { useLive } from "../live.ts";
import { type Query, setQuery } from "../router.ts";

const TYPING_MS = 250;

export interface FilterProps {
  label: string;
  /** Of the part of the query. */
  name: string;
  query: Query;
}

/** A changed filter begins at the first page. */
export function setFilter(changes: Query): void {
  setQuery({ ...changes, before: null, after: null });
}

export function TextFilter(
  { label, name, query, placeholder }: FilterProps & { placeholder?: string },
) {
  const given = query[name] ?? "";
  const [text, setText] = useState(given);
  const told = useRef(given);
  useEffect(() => {
    // Changed from outside: by "Clear filters" or the browser's back button.
    if (given === told.current) return;
    told.current = given;
    setText(given);
  }, [given]);
  useEffect(() => {
    const next = text.trim();
    if (next === told.current) return;
    const timer = setTimeout(() => {
      told.current = next;
      setFilter({ [name]: next });
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [text, name]);
  return html`
    <label>${label}
      <input type="search" value=${text} placeholder=${placeholder} autocomplete="off" spellcheck=${false}
        onInput=${(event: InputEvent) => setText((event.target as HTMLInputElement).value)} />
    </label>
  `;
}

export interface Option {
  value: string;
  text: string;
}

export function SelectFilter(
  { label, name, query, options, any }: FilterProps & {
    options: Option[];
    any: string;
  },
) {
  const given = query[name] ?? "";
  const isKnown = given === "" || options.some(({ value }) => value === given);
  const shown = isKnown ? options : [...options, { value: given, text: given }];
  return html`
    <label>${label}
      <select value=${given}
        onChange=${(event: Event) =>
          setFilter({ [name]: (event.target as HTMLSelectElement).value })}>
        <option value="" selected=${given === ""}>${any}</option>
        ${shown.map(({ value, text }) =>
          html`
            <option key=${value} value=${value}
              selected=${value === given}>${text}</option>
          `
        )}
      </select>
    </label>
  `;
}

/** The published workflows, asked for once a page. */
export function WorkflowFilter({ query }: { query: Query }) {
  const { data } = useLive(
    "workflows",
    () => get<{ workflows: ListedWorkflow[] }>("/workflows"),
    null,
  );
  const keys = (data?.workflows ?? []).map(({ workflow_key }) => workflow_key);
  return html`
    <${SelectFilter} label="Workflow" name="workflow_key" query=${query}
      any="All workflows"
      options=${keys.map((key) => ({ value: key, text: key }))} />
  `;
}

/** A time of the reader's zone; the URL has it as an ISO string. */
export function TimeFilter({ label, name, query }: FilterProps) {
  const field = useRef<HTMLInputElement>(null);
  const given = query[name] ?? "";
  // Not drawn with the value: a poll would put it back while one of its parts is empty.
  useEffect(() => {
    const input = field.current!;
    if (readLocal(input.value) !== given) input.value = formatField(given);
  }, [given]);
  return html`
    <label>${label}
      <input type="datetime-local" ref=${field}
        onChange=${(event: Event) =>
          setFilter({
            [name]: readLocal((event.target as HTMLInputElement).value),
          })} />
    </label>
  `;
}

function readLocal(value: string): string {
  const time = new Date(value);
  return value === "" || Number.isNaN(time.getTime()) ? "" : time.toISOString();
}

function formatField(iso: string): string {
  const time = new Date(iso);
  if (iso === "" || Number.isNaN(time.getTime())) return "";
  const local = new Date(time.getTime() - time.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}

/** Shown where a filter is set. */
export function ClearFilters(
  { names, query }: { names: readonly string[]; query: Query },
) {
  if (!names.some((name) => query[name])) return null;
  const clear = () => setFilter(Object.fromEntries(names.map((name) => [name, null])));
  return html`<button type="button" onClick=${clear}>Clear filters</button>`;
}
