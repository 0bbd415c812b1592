// The same object from poll to poll as long as its content is the same, so that what is drawn of it rests.
import { useRef } from "preact/hooks";

/** `mark` tells the content, such as its hash. */
export function useUnchanged<T>(
  value: T | undefined,
  mark: string | undefined,
): T | undefined {
  const known = useRef<{ value: T; mark: string | undefined } | null>(null);
  if (value === undefined) return undefined;
  if (known.current === null || known.current.mark !== mark) {
    known.current = { value, mark };
  }
  return known.current.value;
}
