// Where a step's output goes: into its row, into Storage where it is large, or nowhere where it is too
// large. Serves stage 5.
import type { Settings } from "../contract/settings.ts";
import { countBytes, writeJson } from "../outputs/json_text.ts";
import type { OutputOwner, OutputStore } from "../outputs/store.ts";
import { refuseLargeOutput } from "./classify.ts";
import { tryAgain } from "./plan_end.ts";
import type { Attempt } from "./drain_seam.ts";

export interface KeepDeps {
  outputs: OutputStore;
  settings: Pick<Settings, "outputInlineMaxBytes" | "outputMaxBytes">;
}

/**
 * JSON text may grow when it is written anew: `1e20` becomes 21 digits, a broken byte three of U+FFFD.
 * An answer that is small enough to grow by this need not be measured.
 */
const GROWTH_MAX = 6;

/**
 * The result with its output where it belongs. `bytes` is the size of the text that the output came
 * from, if there was one.
 */
export async function keepOutput<Result extends Omit<Attempt, "logs">>(
  owner: OutputOwner,
  result: Result,
  { outputs, settings }: KeepDeps,
  bytes = Infinity,
): Promise<Result> {
  const { outputInlineMaxBytes: inlineMax, outputMaxBytes: max } = settings;
  if (result.outcome !== "success" || bytes * GROWTH_MAX <= inlineMax) return result;
  const { output, ...rest } = result;
  const text = writeJson(output);
  const size = countBytes(text);
  if (size <= inlineMax) return result;
  const large = `the output has ${size} bytes, ${max} are allowed`;
  if (size > max) return { ...withoutSuccess(rest), ...refuseLargeOutput(large) } as Result;
  try {
    return { ...rest, output_ref: await outputs.put(owner, text) } as Result;
  } catch (error) {
    return { ...withoutSuccess(rest), ...tryAgain("storing the output", error) } as Result;
  }
}

/** What only a success may have. */
function withoutSuccess<Rest extends Omit<Attempt, "logs">>(rest: Rest) {
  const { append: _append, consumes: _consumes, run_inputs: _inputs, ...kept } = rest;
  return kept;
}
