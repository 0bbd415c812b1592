// `deno task release:freeze`: writes down which migrations the release of this version has, once and for
// all. Run before the release is tagged; its file is committed with it.
import { VERSION } from "../../supabase/functions/_shared/contract/version.ts";
import { addRelease, hashMigrations, readReleases, writeReleases } from "./released_migrations.ts";

const ROOT = decodeURI(new URL("../..", import.meta.url).pathname);
const HELP = `deno task release:freeze

Adds the release that VERSION in supabase/functions/_shared/contract/version.ts names to
supabase/released_migrations.json, with its migrations and their hashes. From then on a test fails where one
of them is changed, and new migrations come after them. Commit the file, and tag the commit v<VERSION>.`;

if (import.meta.main) {
  if (Deno.args.length > 0) {
    console.log(HELP);
    Deno.exit(Deno.args[0] === "--help" ? 0 : 1);
  }
  try {
    const releases = addRelease(await readReleases(ROOT), await hashMigrations(ROOT), VERSION);
    await writeReleases(ROOT, releases);
    const { version, migrations } = releases.at(-1)!;
    console.log(`release ${version} has ${Object.keys(migrations).length} migrations of its own`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(1);
  }
}
