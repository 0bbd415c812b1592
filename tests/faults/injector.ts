// Does what the plan says, and takes it back: one entry a kind.
import type { Stack } from "../../scripts/stack/mod.ts";
import type { FaultyDatabase, StopMode } from "./faulty_database.ts";
import type { FaultyGateway, GatewayFault } from "./faulty_gateway.ts";
import { pause } from "./pause.ts";
import type { PlannedFault, PlannedKind } from "./plan.ts";
import type { TcpProxy } from "./tcp_proxy.ts";
import type { WorkerFleet } from "./worker_fleet.ts";

export interface FaultTargets {
  stack: Stack;
  database: FaultyDatabase;
  proxy: TcpProxy;
  gateway: FaultyGateway;
  fleet: WorkerFleet;
}

const HOUR_MS = 3_600_000;
/** Longer than the workers' leases, so that a frozen one wakes to find its jobs with others. */
const FREEZE_MS = 4_500;
const AWAY_MS = 400;
const SILENCE_MS = 2_500;
const LOST_MS = 4_000;
const FULL_MS = 2_500;
const MAX_REQUESTS = 6;

export class Injector {
  readonly #targets: FaultTargets;
  readonly #counts = new Map<PlannedKind, number>();
  /** One thing at a time is done to the database server. */
  #database: Promise<void> = Promise.resolve();

  constructor(targets: FaultTargets) {
    this.#targets = targets;
  }

  /** Resolves when the fault is over. */
  async inject({ kind, dice }: PlannedFault): Promise<void> {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
    await this.#actions[kind](dice);
  }

  /** Faults by kind: how often each was done, for the gateway how many requests it befell. */
  count(): Partial<Record<PlannedKind, number>> {
    const { befallen } = this.#targets.gateway;
    const counts: Partial<Record<PlannedKind, number>> = Object.fromEntries(this.#counts);
    for (const fault of ["502", "503", "504", "reset", "silent", "twice"] as const) {
      if (counts[`gateway_${fault}`] === undefined) continue;
      counts[`gateway_${fault}`] = befallen[fault] ?? 0;
    }
    return counts;
  }

  /** Nothing is wrong any more but what the faults have left behind. */
  async calm(): Promise<void> {
    const { stack, database, proxy, gateway, fleet } = this.#targets;
    await this.#database;
    gateway.calm();
    fleet.thaw();
    proxy.speak();
    await database.freeDisk();
    await stack.setLoops({ cron: true, net: true });
  }

  readonly #actions: Record<PlannedKind, (dice: number) => Promise<void> | void> = {
    worker_killed: (dice) => this.#targets.fleet.kill(this.#pickWorker(dice)),
    worker_frozen: async (dice) => {
      const { fleet } = this.#targets;
      fleet.freeze(this.#pickWorker(dice));
      await pause(FREEZE_MS);
      fleet.thaw();
    },
    clock_forward: (dice) => this.#targets.fleet.shiftClock(this.#pickWorker(dice), HOUR_MS),
    clock_back: (dice) => this.#targets.fleet.shiftClock(this.#pickWorker(dice), -HOUR_MS),
    postgres_smart: () => this.#restart("smart"),
    postgres_fast: () => this.#restart("fast"),
    postgres_immediate: () => this.#restart("immediate"),
    backends_killed: (dice) => this.#alone(() => this.#killBackends(dice)),
    database_reset: () => void this.#targets.proxy.cut(),
    database_silent: async (dice) => {
      const { proxy } = this.#targets;
      proxy.silence();
      await pause(SILENCE_MS);
      // Half of the time the network heals, else the connections were lost.
      if (dice < 0.5) proxy.cut();
      proxy.speak();
    },
    gateway_502: (dice) => this.#expect("502", dice),
    gateway_503: (dice) => this.#expect("503", dice),
    gateway_504: (dice) => this.#expect("504", dice),
    gateway_reset: (dice) => this.#expect("reset", dice),
    gateway_silent: (dice) => this.#expect("silent", dice),
    gateway_twice: (dice) => this.#expect("twice", dice),
    rings_lost: async () => {
      const { gateway } = this.#targets;
      gateway.losesRings = true;
      await pause(LOST_MS);
      gateway.losesRings = false;
    },
    ticks_lost: async () => {
      const { stack } = this.#targets;
      await stack.setLoops({ cron: false });
      await pause(LOST_MS);
      await stack.setLoops({ cron: true });
    },
    disk_full: (dice) =>
      this.#alone(async () => {
        const { database } = this.#targets;
        await database.fillDisk(dice < 0.5);
        await pause(FULL_MS);
        await database.freeDisk();
      }),
  };

  #pickWorker(dice: number): number {
    return Math.floor(dice * this.#targets.fleet.size);
  }

  #expect(fault: GatewayFault, dice: number): void {
    this.#targets.gateway.expect(fault, 1 + Math.floor(dice * MAX_REQUESTS));
  }

  #restart(mode: StopMode): Promise<void> {
    const { database, proxy } = this.#targets;
    return this.#alone(async () => {
      await database.stop(mode, () => void proxy.cut());
      await pause(AWAY_MS);
      await database.ensureUp();
    });
  }

  async #killBackends(dice: number): Promise<void> {
    await this.#targets.database.ask((sql) =>
      sql`
        select pg_terminate_backend(pid)
        from pg_stat_activity
        where backend_type = 'client backend' and pid <> pg_backend_pid()
          and abs(hashint4(pid)) % 100 < ${30 + Math.floor(dice * 70)}`
    );
  }

  #alone(act: () => Promise<void>): Promise<void> {
    const acting = this.#database.then(act);
    this.#database = acting.catch(() => {});
    return acting;
  }
}
