// Which processes a PostgreSQL server on this machine consists of.

/** The server's processes, the first one above the others; none: it does not run. */
export function listServerPids(dataFolder: string): number[] {
  let first: number;
  try {
    first = Number.parseInt(Deno.readTextFileSync(`${dataFolder}/pg/postmaster.pid`));
  } catch {
    return [];
  }
  const children = [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter((pid) =>
    pid > 0 && readParent(pid) === first
  );
  return [first, ...children];
}

function readParent(pid: number): number | undefined {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return undefined;
  }
}
