// A text of a request as its column can hold it, for the schemas of whatever comes from outside.
import { z } from "zod";
import { findUnstorable } from "./storable.ts";

/** A text that its column can hold, 1 to `maxLength` characters. */
export function text(maxLength: number) {
  return z.string().min(1).max(maxLength).refine(
    (value) => findUnstorable(value) === null,
    { message: "must not have the character \\u0000 or half a surrogate pair" },
  );
}
