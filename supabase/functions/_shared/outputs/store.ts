// Where an output lies that is too large for its row: as a JSON file in Storage, named by the run, the
// job and the attempt, and fetched only by the steps that name it.
import type { OutputRef } from "../database/rows.ts";

/** Whose output it is. Each put makes a file of its own: a late one overwrites nothing. */
export interface OutputOwner {
  workflow_run_id: string;
  job_id: number;
  attempt: number;
}

/** Reads outputs that lie in Storage. */
export interface OutputReader {
  /**
   * The value of an output. Throws OrchestratorError: `unavailable` if Storage is away, `internal` if
   * the file is gone or is not what was stored.
   */
  get(ref: OutputRef): Promise<unknown>;
}

/** Keeps large outputs. */
export interface OutputStore extends OutputReader {
  /** Stores an output's JSON text. Throws OrchestratorError. */
  put(owner: OutputOwner, text: string): Promise<OutputRef>;
  /** Removes files; those that are gone already are no error. Throws OrchestratorError. */
  remove(paths: readonly string[]): Promise<void>;
}
