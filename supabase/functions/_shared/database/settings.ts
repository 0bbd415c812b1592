// The settings as they are now: rows of the database over the environment over the defaults, read
// again after a few seconds so that a changed row takes effect without a deploy.
import { readSettings, type Settings } from "../contract/settings.ts";
import { getEnv } from "../platform.ts";
import type { Rpc } from "./rpc.ts";

/** How long a changed settings row may go unnoticed. */
export const SETTINGS_MAX_AGE_MS = 5_000;

export type LoadSettings = () => Promise<Settings>;

/** Makes a reader that asks the database at most once in `SETTINGS_MAX_AGE_MS`. */
export function createSettingsReader(
  rpc: Pick<Rpc, "getSettings">,
  now: () => number = Date.now,
): LoadSettings {
  let loaded: Promise<Settings> | null = null;
  let loadedAt = 0;
  return () => {
    if (loaded !== null && now() - loadedAt < SETTINGS_MAX_AGE_MS) {
      return loaded;
    }
    const loading = rpc.getSettings().then((rows) => readSettings(getEnv, rows));
    loaded = loading;
    loadedAt = now();
    // A failure is the caller's; the next caller asks again.
    loading.catch(() => {
      if (loaded === loading) loaded = null;
    });
    return loading;
  };
}
