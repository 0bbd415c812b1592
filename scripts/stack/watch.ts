// Watches a project's functions and says which of them a change touches, for `deno task start`.

export interface Watcher {
  stop(): void;
}

/** Editors write a file in several steps; one restart is enough. */
const SETTLE_MS = 200;

/**
 * Calls `onChange` with the functions whose files changed; undefined means all of them, because a
 * shared folder (its name begins with `_`) or the configuration changed.
 */
export function watchFunctions(
  root: string,
  onChange: (names: string[] | undefined) => void,
): Watcher {
  const folder = `${root}/supabase/functions`;
  const watcher = Deno.watchFs(folder);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const changed = new Set<string>();
  (async () => {
    for await (const event of watcher) {
      if (event.kind === "access" || event.kind === "any") continue;
      for (const path of event.paths) {
        const name = path.slice(path.indexOf(folder) + folder.length + 1).split("/")[0];
        if (/\.(ts|js|tsx|json|sql|yml)$/.test(path) && !path.endsWith("_test.ts")) {
          changed.add(name);
        }
      }
      if (changed.size === 0) continue;
      clearTimeout(timer);
      timer = setTimeout(() => {
        const names = [...changed];
        changed.clear();
        onChange(names.some((name) => name.startsWith("_")) ? undefined : names);
      }, SETTLE_MS);
    }
  })();
  return {
    stop: () => {
      clearTimeout(timer);
      watcher.close();
    },
  };
}
