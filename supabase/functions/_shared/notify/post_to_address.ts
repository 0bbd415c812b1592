// One POST over a connection to an address that is given, whatever its name leads to by now: `fetch` would
// look the name up once more. TLS is for the name of the URL.
import { type HttpAnswer, readHttpAnswer } from "./http_answer.ts";

export interface AddressedPost {
  url: URL;
  /** In the order in which they are tried; the first that takes the connection gets the request. */
  addresses: readonly string[];
  headers: Record<string, string>;
  body: string;
  /** No more of the answer is read. */
  maxBytes: number;
  /** Closes the connection. */
  signal: AbortSignal;
  /** Authorities besides those of the runtime. */
  caCerts?: string[];
}

const READ_BYTES = 16_384;

/** Throws for a connection that fails, or an answer that is no HTTP. */
export async function postToAddress(post: AddressedPost): Promise<HttpAnswer> {
  const { url, signal } = post;
  const open = { connection: await connectToFirst(post) as Deno.TcpConn | Deno.TlsConn };
  const close = () => closeQuietly(open.connection);
  signal.addEventListener("abort", close, { once: true });
  try {
    signal.throwIfAborted();
    if (url.protocol === "https:") {
      open.connection = await Deno.startTls(open.connection as Deno.TcpConn, {
        hostname: readBareHost(url),
        caCerts: post.caCerts,
        alpnProtocols: ["http/1.1"],
      });
      signal.throwIfAborted();
    }
    await writeAll(open.connection, writeRequest(post));
    return await readHttpAnswer(() => readSome(open.connection), post.maxBytes);
  } finally {
    signal.removeEventListener("abort", close);
    close();
  }
}

/** A machine may have an address in a network that is not reached from here, such as one of IPv6. */
async function connectToFirst({ url, addresses, signal }: AddressedPost): Promise<Deno.TcpConn> {
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
  let failure: unknown = new Error("there is no address to connect to");
  for (const hostname of addresses) {
    signal.throwIfAborted();
    try {
      return await Deno.connect({ hostname, port });
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/** The names and values of headers are ours, except for what they are checked to be: visible ASCII. */
function writeRequest({ url, headers, body }: AddressedPost): Uint8Array {
  const bytes = new TextEncoder().encode(body);
  const lines = Object.entries({
    ...headers,
    host: url.host,
    "content-length": String(bytes.length),
    connection: "close",
  }).map(([name, value]) => {
    if (!/^[\w-]+$/.test(name) || !/^[\x20-\x7e]*$/.test(value)) {
      throw new Error(`the header ${JSON.stringify(name)} cannot be sent`);
    }
    return `${name}: ${value}\r\n`;
  });
  const head = new TextEncoder().encode(
    `POST ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join("")}\r\n`,
  );
  const request = new Uint8Array(head.length + bytes.length);
  request.set(head);
  request.set(bytes, head.length);
  return request;
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

async function readSome(connection: Deno.Conn): Promise<Uint8Array | null> {
  const buffer = new Uint8Array(READ_BYTES);
  const length = await connection.read(buffer);
  return length === null ? null : buffer.subarray(0, length);
}

/** Without the brackets of an IPv6 address, and without the dot that ends a full name: no certificate has it. */
function readBareHost(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
}

function closeQuietly(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // Closed already, or given to TLS.
  }
}
