// What a model or the app's data would say, made up: the same for the same seed, so that runs can
// be compared.

/** A whole number from `min` to `max` that depends on the seed alone. */
export function inventNumber(seed: string, min: number, max: number): number {
  let hash = 2_166_136_261;
  for (const character of seed) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 16_777_619) >>> 0;
  }
  return min + hash % (max - min + 1);
}

/** One of the choices, depending on the seed alone. */
export function inventChoice<T>(seed: string, choices: readonly T[]): T {
  return choices[inventNumber(seed, 0, choices.length - 1)];
}

/** A member of a parent step's output; undefined if the parent said something else. */
export function readMember(output: unknown, name: string): unknown {
  if (typeof output !== "object" || output === null) return undefined;
  return (output as Record<string, unknown>)[name];
}

/** A text member of a parent step's output, or the given one. */
export function readText(
  output: unknown,
  name: string,
  otherwise: string,
): string {
  const value = readMember(output, name);
  return typeof value === "string" ? value : otherwise;
}

/** A list member of a parent step's output, as texts. */
export function readTexts(output: unknown, name: string): string[] {
  const value = readMember(output, name);
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
