// Where traces go, by OpenTelemetry's own environment variables.
// https://opentelemetry.io/docs/specs/otel/protocol/exporter/
import { OrchestratorError } from "../contract/errors.ts";
import { noteLikelySecrets } from "../redact.ts";

export interface ReceiverOfTraces {
  url: string;
  headers: Record<string, string>;
  serviceName: string;
}

const DEFAULT_SERVICE_NAME = "orchestrator";

/** Null: traces are not exported. Throws `internal` for what is no address or no header. */
export function readReceiver(
  env: (name: string) => string | undefined,
): ReceiverOfTraces | null {
  const own = env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
  const base = env("OTEL_EXPORTER_OTLP_ENDPOINT");
  if (own === undefined && base === undefined) return null;
  return {
    // The one of traces is taken as it is, the common one is a base.
    url: own === undefined
      ? readUrl("OTEL_EXPORTER_OTLP_ENDPOINT", `${base!.replace(/\/+$/, "")}/v1/traces`)
      : readUrl("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", own),
    headers: readHeaders(env("OTEL_EXPORTER_OTLP_HEADERS") ?? ""),
    serviceName: env("OTEL_SERVICE_NAME") ?? DEFAULT_SERVICE_NAME,
  };
}

function readUrl(name: string, text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new OrchestratorError(
      "internal",
      `exporting traces: ${name} must be an address such as https://otel.example.com, got ${text}`,
    );
  }
  return url.href;
}

/** `name=value,name=value` with values percent-encoded. A value is a credential: no message quotes it. */
function readHeaders(text: string): Record<string, string> {
  const headers: [string, string][] = [];
  for (const part of text.split(",").filter((it) => it.trim() !== "")) {
    const [, name, value] = /^\s*([\w!#$%&'*+.^`|~-]+)\s*=\s*(.*?)\s*$/.exec(part) ?? [];
    const decoded = name === undefined ? null : decode(value);
    if (decoded === null) {
      throw new OrchestratorError(
        "internal",
        "exporting traces: OTEL_EXPORTER_OTLP_HEADERS must be a list of name=value, with commas and " +
          `% in values percent-encoded; part ${headers.length + 1} is not`,
      );
    }
    headers.push([name, decoded]);
  }
  // A value may be told without the scheme before it.
  noteLikelySecrets(headers.flatMap(([, value]) => [value, value.split(" ").at(-1)!]));
  return Object.fromEntries(headers);
}

function decode(value: string): string | null {
  try {
    const decoded = decodeURIComponent(value);
    // deno-lint-ignore no-control-regex
    return /[\x00-\x1f\x7f]/.test(decoded) ? null : decoded;
  } catch {
    return null;
  }
}
