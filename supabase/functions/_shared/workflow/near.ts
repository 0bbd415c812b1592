// Finds the names that a misspelt name was probably meant to be. Pure; cheap enough for 5,000
// candidates, because candidates of another length are not compared and a comparison stops early.

/** Names further away than this are no help. */
const MAX_DISTANCE = 3;

/**
 * Up to `limit` candidates close to `name`, nearest first, ties in the candidates' order. Two
 * neighbouring letters that changed places count as one edit, and case counts for nothing.
 */
export function findNearNames(name: string, candidates: Iterable<string>, limit = 3): string[] {
  // A short name is close to everything: allow one edit per three letters.
  const allowed = Math.min(MAX_DISTANCE, Math.max(1, Math.floor(name.length / 3)));
  const wanted = name.toLowerCase();
  const found: { candidate: string; distance: number }[] = [];
  for (const candidate of new Set(candidates)) {
    if (candidate === name || Math.abs(candidate.length - wanted.length) > allowed) {
      if (!isExtension(wanted, candidate.toLowerCase())) continue;
      found.push({ candidate, distance: allowed + 1 });
      continue;
    }
    const distance = measureDistance(wanted, candidate.toLowerCase(), allowed);
    if (distance <= allowed) found.push({ candidate, distance });
  }
  return found
    .sort((a, b) => a.distance - b.distance)
    .slice(0, limit)
    .map(({ candidate }) => candidate);
}

/** `timeout` for `timeout_ms`: one is the other's beginning up to a word's end. */
function isExtension(a: string, b: string): boolean {
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  return short.length >= 3 && long.startsWith(short) && /^[_.-]/.test(long.slice(short.length));
}

/**
 * Optimal string alignment distance (Levenshtein with transpositions of neighbours), or
 * `limit + 1` as soon as it cannot be within `limit`.
 */
export function measureDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    let best = row;
    for (let column = 1; column <= b.length; column++) {
      const isSame = a[row - 1] === b[column - 1];
      let cost = Math.min(
        previous[column] + 1,
        current[column - 1] + 1,
        previous[column - 1] + (isSame ? 0 : 1),
      );
      const isSwapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] &&
        a[row - 2] === b[column - 1];
      if (isSwapped) cost = Math.min(cost, beforePrevious[column - 2] + 1);
      current.push(cost);
      best = Math.min(best, cost);
    }
    // A transposition reaches back two rows, hence the look at the row before.
    if (best > limit && Math.min(...previous) > limit) return limit + 1;
    beforePrevious = previous;
    previous = current;
  }
  return Math.min(previous[b.length], limit + 1);
}
