// An HTTP server whose answers may break off: Deno.serve always ends what it began, and the faults to
// be shown are connections that end before an answer, or in its middle.
import { Buffer } from "node:buffer";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface RawRequest {
  method: string;
  /** With the query. */
  path: string;
  headers: Headers;
  body: Uint8Array<ArrayBuffer>;
  /** Resolves when the caller is gone before it has a whole answer. */
  hungUp: Promise<void>;
  /** Sends a whole answer; true: the caller was there until its end. */
  answer(
    status: number,
    body: string | Uint8Array,
    headers?: Record<string, string>,
  ): Promise<boolean>;
  /** Ends the connection without a word. */
  drop(): void;
  /** Sends the head and half of the body, then ends the connection. */
  dropInMiddle(status: number, body: string): Promise<void>;
}

export interface RawServer {
  url: string;
  close(): Promise<void>;
}

/** A handler that throws is answered for with 500. */
export async function serveRaw(handle: (request: RawRequest) => Promise<void>): Promise<RawServer> {
  const server = createServer((incoming, response) => {
    readRequest(incoming, response)
      .then(handle)
      .catch((error: unknown) => {
        if (!response.headersSent) response.writeHead(500).end(String(error));
        else response.destroy();
      });
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function readRequest(
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<RawRequest> {
  const ended = Promise.withResolvers<boolean>();
  response.once("close", () => ended.resolve(response.writableFinished));
  response.once("error", () => ended.resolve(false));
  const parts: Uint8Array[] = [];
  for await (const part of incoming) parts.push(part);
  const socket = incoming.socket;
  return {
    method: incoming.method ?? "GET",
    path: incoming.url ?? "/",
    headers: new Headers(
      Object.entries(incoming.headersDistinct).map(
        ([name, values]): [string, string] => [name, (values ?? []).join(", ")],
      ),
    ),
    body: new Uint8Array(Buffer.concat(parts)),
    hungUp: ended.promise.then((isWhole) => isWhole ? new Promise<void>(() => {}) : undefined),
    answer: async (status, body, headers = {}) => {
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(body);
      return await ended.promise;
    },
    drop: () => {
      socket.destroy();
      ended.resolve(false);
    },
    dropInMiddle: async (status, body) => {
      const length = new TextEncoder().encode(body).length;
      response.writeHead(status, {
        "content-type": "application/json",
        "content-length": String(length),
      });
      await new Promise<void>((resolve) => {
        response.write(body.slice(0, body.length / 2), () => resolve());
      });
      socket.destroy();
      ended.resolve(false);
    },
  };
}
