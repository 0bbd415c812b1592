// The exporter of one isolate: tells the database whether runs are to be noted, and exports what is due, one
// export at a time. A receiver that is away, or a wrong address, never fails or slows what called it.
import type { Rpc } from "../database/rpc.ts";
import { logEvent } from "../log.ts";
import { type ExportCounts, exportTraces, type TraceRpc } from "./export.ts";
import { sendSpans } from "./otlp.ts";
import { readReceiver, type ReceiverOfTraces } from "./receiver.ts";

export type ExporterRpc = TraceRpc & Pick<Rpc, "switchTraceExport">;

/** The switch holds for a day. */
const RENEW_MS = 3_600_000;
const NOTHING: ExportCounts = { traces_exported: 0, spans_exported: 0 };

export class TraceExporter {
  readonly #rpc: ExporterRpc;
  /** Null where none is named, and where its address cannot be read. */
  readonly #receiver: ReceiverOfTraces | null;
  readonly #isOff: boolean;
  #renewedAt = -Infinity;
  #flight: Promise<ExportCounts> | null = null;

  constructor(rpc: ExporterRpc, env: (name: string) => string | undefined) {
    this.#rpc = rpc;
    const receiver = openReceiver(env);
    this.#isOff = receiver === null;
    this.#receiver = receiver ?? null;
  }

  /** Runs that end from now on are noted. Asks the database once an hour; never throws. */
  async keepOn(): Promise<void> {
    if (this.#receiver === null || Date.now() - this.#renewedAt < RENEW_MS) return;
    try {
      await this.#rpc.switchTraceExport({ isOn: true });
      this.#renewedAt = Date.now();
    } catch (error) {
      logEvent("warn", "traces.not_noted", { error });
    }
  }

  /** Forgets what was noted for an exporter that is no more, where no receiver is named. */
  async endIfOff(): Promise<void> {
    if (this.#isOff) await this.#rpc.switchTraceExport({ isOn: false });
  }

  /** Exports what is due; who comes while an export is under way gets that one's counts. Never throws. */
  async flush(): Promise<ExportCounts> {
    const receiver = this.#receiver;
    if (receiver === null) return NOTHING;
    this.#flight ??= exportTraces({
      rpc: this.#rpc,
      send: (spans) => sendSpans(spans, receiver),
      now: Date.now,
    }).catch((error: unknown) => {
      // The database is away: what was claimed is due again when the claim ends.
      logEvent("warn", "traces.not_exported", { error });
      return NOTHING;
    }).finally(() => this.#flight = null);
    return await this.#flight;
  }
}

/** Undefined for a mistake in the environment: it is told once an isolate, and what was noted is kept. */
function openReceiver(
  env: (name: string) => string | undefined,
): ReceiverOfTraces | null | undefined {
  try {
    return readReceiver(env);
  } catch (error) {
    logEvent("error", "traces.misconfigured", { error });
    return undefined;
  }
}
