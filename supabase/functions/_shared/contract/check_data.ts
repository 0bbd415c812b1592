// Checks data from outside against a zod schema; the one way to do so.
import type { z } from "zod";

/**
 * `schema.safeParse(data)`, whatever the data. Where a text or a list is expected and a map stands,
 * zod compares the map's `length`; of `{"length": {"toString": 1}}` no number can be made,
 * and it throws. Such maps are given a way to be compared, which no reader of their keys sees.
 */
export function checkData<Schema extends z.ZodType>(
  schema: Schema,
  data: unknown,
): z.ZodSafeParseResult<z.output<Schema>> {
  try {
    return schema.safeParse(data);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    makeComparable(data);
    return schema.safeParse(data);
  }
}

function makeComparable(data: unknown): void {
  if (typeof data !== "object" || data === null) return;
  Object.values(data).forEach(makeComparable);
  if (Object.hasOwn(data, "toString")) {
    Object.defineProperty(data, Symbol.toPrimitive, { value: () => NaN });
  }
}
