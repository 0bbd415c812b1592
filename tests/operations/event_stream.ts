// A client of server-sent events that reads a stream as it comes.

export interface ServerEvent {
  /** `comment` for a line that says nothing but that the server is there. */
  event: string;
  id?: string;
  // deno-lint-ignore no-explicit-any
  data: any;
}

export interface OpenedStream {
  status: number;
  headers: Headers;
  /** The next event, comments and the retry time left out; null at the end. */
  next(): Promise<ServerEvent | null>;
  /** All that is left, and the stream's raw text. */
  rest(): Promise<{ events: ServerEvent[]; text: string }>;
  /** Goes away, as a page that is closed. */
  leave(): void;
}

/** Opens a stream. */
export async function openEvents(
  url: string,
  headers: Record<string, string>,
): Promise<OpenedStream> {
  const leaving = new AbortController();
  const response = await fetch(url, { headers, signal: leaving.signal });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  let text = "";
  const next = async (): Promise<ServerEvent | null> => {
    for (;;) {
      const end = buffer.indexOf("\n\n");
      if (end >= 0) {
        const event = parseBlock(buffer.slice(0, end));
        buffer = buffer.slice(end + 2);
        if (event !== null) return event;
        continue;
      }
      const part = await reader?.read();
      if (part === undefined || part.done) return null;
      text += part.value;
      buffer += part.value;
    }
  };
  return {
    status: response.status,
    headers: response.headers,
    next,
    rest: async () => {
      const events: ServerEvent[] = [];
      for (let event = await next(); event !== null; event = await next()) events.push(event);
      return { events, text };
    },
    leave: () => leaving.abort(),
  };
}

function parseBlock(block: string): ServerEvent | null {
  const fields = new Map(
    block.split("\n").filter((line) => !line.startsWith(":")).map((line) => {
      const colon = line.indexOf(": ");
      return [line.slice(0, colon), line.slice(colon + 2)];
    }),
  );
  const data = fields.get("data");
  if (data === undefined) return null;
  return { event: fields.get("event")!, id: fields.get("id"), data: JSON.parse(data) };
}
