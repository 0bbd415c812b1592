// Starts and ends the receiver of otlp_receiver.ts, and tells what it took.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { Control, Received, ReceivedSpan } from "./otlp_receiver.ts";

const SCRIPT = fileURLToPath(new URL("otlp_receiver.ts", import.meta.url));

export interface ReceiverProcess {
  url: string;
  port: number;
  control(how: Control): Promise<void>;
  read(): Promise<Received>;
  /** Spans of all requests in order; fails if any request was not as the specification has it. */
  readSpans(): Promise<ReceivedSpan[]>;
  /** At once, as a crash would; a second time does nothing. */
  kill(): Promise<void>;
}

/** Starts it, on a port of one's own or any. */
export async function startReceiver(port = 0): Promise<ReceiverProcess> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", SCRIPT, String(port)],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value } = await reader.read();
  const bound = Number(value);
  assert.ok(bound > 0, `the receiver said ${value}`);
  const url = `http://127.0.0.1:${bound}`;
  let ended: Promise<void> | undefined;
  const read = async () => await (await fetch(`${url}/received`)).json() as Received;
  return {
    url,
    port: bound,
    control: async (how) => {
      await (await fetch(`${url}/control`, { method: "POST", body: JSON.stringify(how) })).body
        ?.cancel();
    },
    read,
    readSpans: async () => {
      const { requests, problems } = await read();
      assert.deepEqual(problems, []);
      return requests.flatMap(({ spans }) => spans);
    },
    kill: () =>
      ended ??= (async () => {
        child.kill("SIGKILL");
        await child.status;
        await reader.cancel();
      })(),
  };
}

/** The value of an attribute, or undefined. */
export function readAttribute(span: ReceivedSpan, key: string): string | undefined {
  const value = span.attributes.find((attribute) => attribute.key === key)?.value;
  if (value === undefined) return undefined;
  return "stringValue" in value ? value.stringValue : value.intValue;
}
