// The machine that the figures belong to.

export interface Machine {
  cores: number;
  cpu: string;
  memory_gb: number;
  os: string;
  deno: string;
}

/** Describes this machine as far as the system tells. */
export async function describeMachine(): Promise<Machine> {
  const cpuInfo = await Deno.readTextFile("/proc/cpuinfo").catch(() => "");
  return {
    cores: navigator.hardwareConcurrency,
    cpu: cpuInfo.match(/^model name\s*:\s*(.+)$/m)?.[1] ?? Deno.build.arch,
    memory_gb: Math.round(Deno.systemMemoryInfo().total / 1e9),
    os: `${Deno.build.os} ${Deno.osRelease()}`,
    deno: Deno.version.deno,
  };
}

/** CPU seconds that a process has used since it started (Linux: clock ticks of 10 ms). */
export async function readCpuSeconds(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  // The name in parentheses may hold spaces; utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Resident memory of a process in MB. */
export async function readResidentMb(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(status.match(/^VmRSS:\s+(\d+) kB$/m)?.[1]) / 1024;
}
