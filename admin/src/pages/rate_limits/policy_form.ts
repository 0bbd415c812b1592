// From what was typed to a policy, or to what is wrong with it. The database has the last word.
import type { RateLimitPolicy } from "../../../../supabase/functions/_shared/contract/dashboard.ts";

/** As typed. */
export interface PolicyForm {
  pattern: string;
  capacity: string;
  refill_rate: string;
  description: string;
}

/** By field; `form`: what the server said. */
export type PolicyProblems = Partial<Record<keyof PolicyForm | "form", string>>;

export function checkPolicy(
  form: PolicyForm,
): { policy: RateLimitPolicy | null; problems: PolicyProblems } {
  const pattern = form.pattern.trim();
  const capacity = form.capacity.trim() === "" ? null : readNumber(form.capacity);
  const refill_rate = readNumber(form.refill_rate);
  const problems: PolicyProblems = {};
  if (pattern === "") {
    problems.pattern = "Say which keys it is for, such as user:*:agent:mailer.";
  }
  if (capacity !== null && !(capacity >= 1)) {
    problems.capacity = `Needs a number of 1 or more, or nothing; “${form.capacity}” is none.`;
  }
  if (!(refill_rate > 0)) {
    problems.refill_rate = form.refill_rate.trim() === ""
      ? "Say how many tokens come back each second."
      : `Needs a number above 0; “${form.refill_rate}” is none.`;
  }
  if (Object.keys(problems).length > 0) return { policy: null, problems };
  const description = form.description.trim() === "" ? null : form.description.trim();
  return { policy: { pattern, capacity, refill_rate, description }, problems };
}

/** A comma is a point to half of the world; NaN where it is no number. */
function readNumber(text: string): number {
  const typed = text.trim().replace(",", ".");
  return typed === "" ? NaN : Number(typed);
}
