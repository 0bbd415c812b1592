// Finds the stack that runs on a project's data folder, so that commands beside it need not be told.
import { KeyRing, type StackKeys } from "./keys.ts";

export interface RunningStack {
  url: string;
  keys: StackKeys;
}

/** Returns the stack that holds the folder now; undefined where none does. */
export async function findRunningStack(folder: string): Promise<RunningStack | undefined> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(`${folder}/lock`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  try {
    // Who can share the lock sees that nobody holds it; a killed stack's line may still be there.
    if (await file.tryLock(false)) return undefined;
    const url = /https?:\/\/\S+/.exec(await Deno.readTextFile(`${folder}/lock`))?.[0];
    if (url === undefined) return undefined;
    return { url, keys: (await KeyRing.load(folder)).keys };
  } finally {
    file.close();
  }
}
