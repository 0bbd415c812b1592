// The one comparison of credentials: how long it takes tells nothing about the right one.

/**
 * Compares a credential with the right one, in a time that depends on what was presented alone. By hand,
 * because digests are computed on another thread: two of them a request cost more than all the rest of an
 * idle agent's answer.
 */
export function isEqualInConstantTime(presented: string, key: string): boolean {
  let difference = presented.length ^ key.length;
  for (let index = 0; index < presented.length; index++) {
    difference |= presented.charCodeAt(index) ^ key.charCodeAt(index % key.length);
  }
  return difference === 0;
}
