// The origins that the setting admin_origins lists.
import type { LoadSettings } from "../_shared/database/settings.ts";
import type { FindOrigins } from "../_shared/http/cors.ts";

/** While the settings cannot be read the last ones count, so that a page can read what is wrong. */
export function createOriginList(loadSettings: LoadSettings): FindOrigins {
  let known: readonly string[] = [];
  return async () => {
    try {
      known = (await loadSettings()).adminOrigins;
    } catch {
      // Told by the route that needs the settings.
    }
    return known;
  };
}
