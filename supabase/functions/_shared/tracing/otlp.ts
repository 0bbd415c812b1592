// OTLP over HTTP in JSON: the shape of a request and the one POST of it.
// https://opentelemetry.io/docs/specs/otlp/#otlphttp
import type { ReceiverOfTraces } from "./receiver.ts";

export interface Attribute {
  key: string;
  value: { stringValue: string } | { intValue: string };
}

/** 1 internal, 3 client. */
export type SpanKind = 1 | 3;

export interface Span {
  traceId: string;
  spanId: string;
  traceState?: string;
  parentSpanId?: string;
  name: string;
  kind: SpanKind;
  /** 64 bits do not fit a JSON number. */
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: Attribute[];
  links?: { traceId: string; spanId: string }[];
  /** 0 unset, 2 error. */
  status: { code: 0 | 2; message?: string };
}

export type SendOutcome =
  | { kind: "sent"; rejected: number; message: string }
  /** Again later; `afterMs` where the receiver says when. */
  | { kind: "retry"; afterMs: number | null; message: string }
  /** Never again: `isBody` where it is what was sent that it does not want. */
  | { kind: "refused"; isBody: boolean; message: string };

/** How long a receiver may take, as the specification's default has it. */
const TIMEOUT_MS = 10_000;
/** Of an answer that refuses; enough for its reason. */
const MESSAGE_MAX = 300;

/** Leaves out what is null. */
export function listAttributes(values: Record<string, string | number | null>): Attribute[] {
  return Object.entries(values).flatMap(([key, value]): Attribute[] => {
    if (value === null) return [];
    return typeof value === "string"
      ? [{ key, value: { stringValue: value } }]
      : [{ key, value: { intValue: String(value) } }];
  });
}

/** Sends spans in one request; never throws. */
export async function sendSpans(spans: Span[], receiver: ReceiverOfTraces): Promise<SendOutcome> {
  const body = JSON.stringify({
    resourceSpans: [{
      resource: { attributes: listAttributes({ "service.name": receiver.serviceName }) },
      scopeSpans: [{ scope: { name: "orchestrator" }, spans }],
    }],
  });
  try {
    const response = await fetch(receiver.url, {
      method: "POST",
      headers: { ...receiver.headers, "content-type": "application/json" },
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return readOutcome(response.status, response.headers.get("retry-after"), await response.text());
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { kind: "retry", afterMs: null, message };
  }
}

/**
 * What an answer means. Every 5xx is tried again, also the 500 that the specification gives up at: ids are
 * the same each time, and a proxy before the receiver says 500 for many reasons that pass.
 */
export function readOutcome(
  status: number,
  retryAfter: string | null,
  text: string,
): SendOutcome {
  if (status >= 200 && status < 300) return { kind: "sent", ...readPartialSuccess(text) };
  const message = `the receiver answered ${status}: ${text.slice(0, MESSAGE_MAX)}`;
  if (status === 429 || status >= 500) {
    const seconds = /^\d+$/.test(retryAfter ?? "") ? Number(retryAfter) : null;
    return { kind: "retry", afterMs: seconds === null ? null : seconds * 1_000, message };
  }
  return { kind: "refused", isBody: status === 400 || status === 413, message };
}

/** A receiver that took less than all says so in an answer of success. */
function readPartialSuccess(text: string): { rejected: number; message: string } {
  try {
    const partial = JSON.parse(text)?.partialSuccess ?? {};
    return {
      rejected: Number(partial.rejectedSpans ?? 0),
      message: String(partial.errorMessage ?? "").slice(0, MESSAGE_MAX),
    };
  } catch {
    // An answer in protobuf, or none.
    return { rejected: 0, message: "" };
  }
}
