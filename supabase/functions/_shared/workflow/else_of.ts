// What `else_of` means: a step that runs when another one's condition was false takes over that step's
// dependencies, join and conditions. Pure; the checks and the compiler resolve it alike.

/** A chain of if / else if / … is at most this long: each link repeats the conditions before it. */
export const MAX_ELSE_CHAIN = 50;

export interface Branch<Join> {
  id: string;
  dependsOn: readonly string[];
  elseOf: string | null;
  hasCondition: boolean;
  join: Join | null;
}

export interface ResolvedBranch<Join> {
  /** Its own dependencies and those taken over, each once. */
  dependsOn: string[];
  /** Indexes of the steps whose `if` must be false, first to last. */
  unless: number[];
  join: Join | null;
}

/** Most dependencies of all steps together. */
export const MAX_DEPENDENCIES = 100_000;

/** How many dependencies the steps have, those counted twice that a chain names twice. */
export function countDependencies<Join>(branches: readonly Branch<Join>[]): number {
  const indexOfId = new Map(branches.map(({ id }, index) => [id, index]));
  return branches.reduce(
    (sum, branch) =>
      listChain(branch, branches, indexOfId)
        .reduce((count, index) => count + branches[index].dependsOn.length, sum) +
      branch.dependsOn.length,
    0,
  );
}

/**
 * Resolves every step's chain. Unknown ids are left out and a circle is cut where it closes, so that
 * broken files can be checked further.
 */
export function resolveBranches<Join>(branches: readonly Branch<Join>[]): ResolvedBranch<Join>[] {
  const indexOfId = new Map(branches.map(({ id }, index) => [id, index]));
  return branches.map((branch) => {
    const chain = listChain(branch, branches, indexOfId);
    const members = [branch, ...chain.map((index) => branches[index])];
    return {
      dependsOn: [...new Set(members.flatMap((member) => member.dependsOn))],
      unless: chain.filter((index) => branches[index].hasCondition).toReversed(),
      join: members.find((member) => member.join !== null)?.join ?? null,
    };
  });
}

/** The steps that this one is the else of, nearest first; cut at the limit. */
function listChain<Join>(
  branch: Branch<Join>,
  branches: readonly Branch<Join>[],
  indexOfId: ReadonlyMap<string, number>,
): number[] {
  const chain: number[] = [];
  const seen = new Set([branch.id]);
  let next = branch.elseOf;
  while (next !== null && !seen.has(next) && chain.length <= MAX_ELSE_CHAIN) {
    seen.add(next);
    const index = indexOfId.get(next);
    if (index === undefined) break;
    chain.push(index);
    next = branches[index].elseOf;
  }
  return chain;
}
