// The dashboard on the local stack: built when it is asked for, and again after a change of its files.
import { fileURLToPath } from "node:url";

export interface LocalSiteOptions {
  outDir: string;
  /** Resolves when the stack has its keys. */
  publishableKey: Promise<string>;
  /** Builds anew when the sources change. */
  watch?: boolean;
}

export interface LocalSite {
  /** Builds if there is something new, and answers the folder. */
  find(): Promise<string>;
  stop(): Promise<void>;
}

const SOURCES = fileURLToPath(new URL("../../admin/src", import.meta.url));

/** Where the local stack serves the dashboard. */
export const DASHBOARD_PATH = "/admin/orchestrator";

export function openLocalSite(
  { outDir, publishableKey, watch }: LocalSiteOptions,
): LocalSite {
  let isStale = true;
  let built: Promise<unknown> = Promise.resolve();
  let stopBuilder = async () => {};
  const watcher = watch ? watchFolder(SOURCES, () => isStale = true) : undefined;
  const build = async () => {
    // Loaded here: the bundler is a program of its own, and most stacks never show the dashboard.
    const builder = await import("./build.ts");
    stopBuilder = builder.stopBuilder;
    // No URL: the page calls whoever served it, so that any name of this machine will do.
    await builder.buildDashboard({
      url: "",
      publishableKey: await publishableKey,
      outDir,
    });
  };
  return {
    find: async () => {
      if (isStale) {
        isStale = false;
        // One after another: a build empties the folder first.
        built = built.catch(() => {}).then(build);
        built.catch(() => isStale = true);
      }
      await built;
      return outDir;
    },
    stop: async () => {
      watcher?.close();
      await built.catch(() => {});
      await stopBuilder();
    },
  };
}

function watchFolder(
  folder: string,
  onChange: () => void,
): Deno.FsWatcher | undefined {
  let watcher: Deno.FsWatcher;
  try {
    watcher = Deno.watchFs(folder);
  } catch (error) {
    // The build will tell.
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  (async () => {
    for await (const { kind } of watcher) if (kind !== "access") onChange();
  })();
  return watcher;
}
