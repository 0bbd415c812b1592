// A process that receives OTLP over HTTP in JSON and takes nothing that the specification does not have:
// unknown members, ids that are not hex, times that are no strings of nanoseconds. Run by traces_test.ts, which
// tells it through /control how to answer and asks it for all that it took. Argument: the port, 0 for any.
import { z } from "zod";

const traceId = z.string().regex(/^(?!0{32})[0-9a-f]{32}$/);
const spanId = z.string().regex(/^(?!0{16})[0-9a-f]{16}$/);
const nanoseconds = z.string().regex(/^[1-9]\d{18}$/);
const attributes = z.array(z.strictObject({
  key: z.string().min(1),
  value: z.union([
    z.strictObject({ stringValue: z.string() }),
    z.strictObject({ intValue: z.string().regex(/^-?\d+$/) }),
  ]),
})).refine((list) => new Set(list.map(({ key }) => key)).size === list.length, "keys are unique");

const span = z.strictObject({
  traceId,
  spanId,
  traceState: z.string().optional(),
  parentSpanId: spanId.optional(),
  name: z.string().min(1),
  kind: z.int().min(1).max(5),
  startTimeUnixNano: nanoseconds,
  endTimeUnixNano: nanoseconds,
  attributes,
  links: z.array(z.strictObject({ traceId, spanId })).optional(),
  status: z.strictObject({ code: z.int().min(0).max(2), message: z.string().optional() }),
}).refine(
  ({ startTimeUnixNano, endTimeUnixNano }) => BigInt(startTimeUnixNano) <= BigInt(endTimeUnixNano),
  "ends before it starts",
);

const exportRequest = z.strictObject({
  resourceSpans: z.array(z.strictObject({
    resource: z.strictObject({ attributes }),
    scopeSpans: z.array(z.strictObject({
      scope: z.strictObject({ name: z.string() }),
      spans: z.array(span).min(1),
    })).min(1),
  })).min(1),
});

export type ReceivedSpan = z.output<typeof span>;

export interface Received {
  requests: {
    path: string;
    authorization: string | null;
    service: unknown;
    spans: ReceivedSpan[];
  }[];
  /** Why requests were not taken that should have been. */
  problems: string[];
  /** Requests that are held without an answer. */
  held: number;
}

/** How the next requests are answered; `refuses`: those with a span of this name get a 400. */
export interface Control {
  mode: "take" | "fail" | "hold";
  status?: number;
  retryAfter?: string;
  refuses?: string;
}

const received: Received = { requests: [], problems: [], held: 0 };
let control: Control = { mode: "take" };

async function handle(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  const text = await request.text();
  if (pathname === "/control") {
    control = JSON.parse(text);
    return Response.json({});
  }
  if (pathname === "/received") return Response.json(received);
  return await answer(request, pathname, text);
}

async function answer(request: Request, path: string, text: string): Promise<Response> {
  if (control.mode === "hold") {
    received.held++;
    await new Promise(() => {});
  }
  if (control.mode === "fail") {
    const headers: HeadersInit = control.retryAfter === undefined
      ? {}
      : { "retry-after": control.retryAfter };
    return new Response("not now", { status: control.status, headers });
  }
  if (request.headers.get("content-type") !== "application/json") return refuse("content type");
  const parsed = exportRequest.safeParse(JSON.parse(text));
  if (!parsed.success) return refuse(JSON.stringify(parsed.error.issues));
  const { resourceSpans: [{ resource, scopeSpans: [{ spans }] }] } = parsed.data;
  if (spans.some(({ name }) => name === control.refuses)) {
    return new Response("a span that nobody wants", { status: 400 });
  }
  received.requests.push({
    path,
    authorization: request.headers.get("authorization"),
    service: resource.attributes,
    spans,
  });
  return Response.json({});
}

function refuse(problem: string): Response {
  received.problems.push(problem);
  return new Response(problem, { status: 400 });
}

if (import.meta.main) {
  Deno.serve({
    hostname: "127.0.0.1",
    port: Number(Deno.args[0] ?? 0),
    onListen: ({ port }) => console.log(port),
  }, handle);
}
