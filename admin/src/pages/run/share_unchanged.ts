// Polls bring the same values in new objects. What did not change is taken from before, so that parts of
// the page can tell by identity that they have nothing to draw.

/** The new value, with every part of it that equals the old one replaced by the old one. */
export function shareUnchanged<T>(before: unknown, after: T): T {
  if (Object.is(before, after)) return after;
  if (Array.isArray(before) && Array.isArray(after)) {
    const shared = after.map((value, index) => shareUnchanged(before[index], value));
    const isSame = before.length === shared.length &&
      shared.every((value, index) => Object.is(value, before[index]));
    return (isSame ? before : shared) as T;
  }
  if (!isPlain(before) || !isPlain(after)) return after;
  const names = Object.keys(after);
  const shared = Object.fromEntries(
    names.map((name) => [name, shareUnchanged(before[name], after[name])]),
  );
  const isSame = names.length === Object.keys(before).length &&
    names.every((name) => Object.hasOwn(before, name) && Object.is(shared[name], before[name]));
  return (isSame ? before : shared) as T;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
