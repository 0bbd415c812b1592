// Problems as the text of a job's error. Pure.
import type { Problem } from "../contract/errors.ts";

/** Every problem with its path; the text is cut where it is stored. */
export function listProblems(problems: readonly Pick<Problem, "path" | "message">[]): string {
  return problems.map(({ path, message }) => path ? `${path}: ${message}` : message).join("; ");
}
