// What releases have promised about migrations: databases out there have run these files, so they never
// change, and whatever comes later comes after them. supabase/released_migrations.json holds the promise.
import { createHash } from "node:crypto";

/** The migrations that a release added, each with the SHA-256 of its text. */
export interface Release {
  version: string;
  migrations: Record<string, string>;
}

export type Hashes = Record<string, string>;

const FOLDER = "supabase/migrations";
const FILE = "supabase/released_migrations.json";

/** The releases of a project, oldest first; none before the first one. */
export async function readReleases(root: string): Promise<Release[]> {
  return JSON.parse(await Deno.readTextFile(`${root}/${FILE}`)).releases;
}

export async function writeReleases(root: string, releases: Release[]): Promise<void> {
  await Deno.writeTextFile(`${root}/${FILE}`, `${JSON.stringify({ releases }, null, 2)}\n`);
}

/** The migrations as they are, in the order in which they are applied. */
export async function hashMigrations(root: string): Promise<Hashes> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(`${root}/${FOLDER}`)) {
    if (name.endsWith(".sql")) names.push(name);
  }
  const hashes: Hashes = {};
  for (const name of names.sort()) {
    const text = await Deno.readTextFile(`${root}/${FOLDER}/${name}`);
    hashes[name] = createHash("sha256").update(text).digest("hex");
  }
  return hashes;
}

/** Names of the migrations that make up the first release: as long as there is none, all of them. */
export function listFirstRelease(releases: Release[], found: Hashes): string[] {
  return Object.keys(releases.length === 0 ? found : releases[0].migrations).sort();
}

/** Says what breaks the promise; an empty list where it is kept. */
export function findBrokenPromises(releases: Release[], found: Hashes): string[] {
  const released = releases.flatMap(({ version, migrations }) =>
    Object.entries(migrations).map(([name, hash]) => ({ version, name, hash }))
  );
  const changed = released.flatMap(({ version, name, hash }) => {
    if (found[name] === undefined) {
      return [`${name} is gone, and release ${version} has it: bring it back`];
    }
    if (found[name] === hash) return [];
    return [
      `${name} is not what release ${version} has: undo the change, and make it in a new file`,
    ];
  });
  const names = new Set(released.map(({ name }) => name));
  const newest = [...names].sort().at(-1) ?? "";
  const early = Object.keys(found).filter((name) => !names.has(name) && name < newest);
  return [
    ...changed,
    ...early.map((name) =>
      `${name} comes before ${newest}, which is released: give it a later stamp`
    ),
  ];
}

/** Adds a release with the migrations that no earlier one has; throws where that would break a promise. */
export function addRelease(releases: Release[], found: Hashes, version: string): Release[] {
  if (!/^\d+\.\d+\.\d+$/.test(version)) {
    throw new Error(
      `cannot freeze the migrations: "${version}" is no release; set VERSION in ` +
        "supabase/functions/_shared/contract/version.ts",
    );
  }
  if (releases.some((release) => release.version === version)) {
    throw new Error(`cannot freeze the migrations: release ${version} has its own already`);
  }
  const broken = findBrokenPromises(releases, found);
  if (broken.length > 0) {
    throw new Error(`cannot freeze the migrations:\n${broken.join("\n")}`);
  }
  const known = new Set(releases.flatMap(({ migrations }) => Object.keys(migrations)));
  const added = Object.entries(found).filter(([name]) => !known.has(name));
  return [...releases, { version, migrations: Object.fromEntries(added) }];
}
