// The answer of a server, read from the bytes of an HTTP/1.1 connection that is used once: its status, its
// headers, and as much of its text as is ever looked at. Whoever answers is a stranger: whatever does not
// read as HTTP is an error.
// https://www.rfc-editor.org/rfc/rfc9112

export interface HttpAnswer {
  status: number;
  headers: Headers;
  /** The body up to the limit. */
  text: string;
}

/** The next bytes of the connection; null at its end. */
export type ReadBytes = () => Promise<Uint8Array | null>;

const HEAD_MAX_BYTES = 32_768;
/** Interim answers (100, 103) before the one that counts. */
const INTERIM_MAX = 8;
/** A chunk's size in hex, with its extensions. */
const SIZE_LINE_MAX_BYTES = 1_024;
const LINE_END = 10;
/** One character a byte, more or less: what differs is in no header that is read. */
const LATIN1 = new TextDecoder("latin1");

/** Reads one answer to a POST; throws for one that ends early or is no HTTP. */
export async function readHttpAnswer(read: ReadBytes, maxBytes: number): Promise<HttpAnswer> {
  const source = new ByteSource(read);
  for (let interim = 0; interim <= INTERIM_MAX; interim++) {
    const { status, headers } = await readHead(source);
    if (status < 200) continue;
    return { status, headers, text: await readBody(source, status, headers, maxBytes) };
  }
  throw new Error("the answer is nothing but interim answers");
}

async function readHead(source: ByteSource): Promise<Omit<HttpAnswer, "text">> {
  const first = await source.readLine(HEAD_MAX_BYTES);
  const status = /^HTTP\/1\.[01] ([1-5]\d\d)(?: |$)/.exec(first)?.[1];
  if (status === undefined) throw new Error("the answer is not HTTP/1.1");
  const headers = new Headers();
  let room = HEAD_MAX_BYTES;
  for (let line = await source.readLine(room); line !== ""; line = await source.readLine(room)) {
    room -= line.length + 1;
    const colon = line.indexOf(":");
    if (colon < 1) throw new Error("the answer has a header without a name");
    // Throws for a name or a value that no header may have, such as one that goes on in the next line.
    headers.append(line.slice(0, colon), line.slice(colon + 1));
  }
  return { status: Number(status), headers };
}

async function readBody(
  source: ByteSource,
  status: number,
  headers: Headers,
  maxBytes: number,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let room = maxBytes;
  const take = async (length: number) => {
    for (let left = Math.min(length, room); left > 0;) {
      const bytes = await source.readSome(left);
      if (bytes === null) return false;
      left -= bytes.length;
      room -= bytes.length;
      text += decoder.decode(bytes, { stream: true });
    }
    return true;
  };
  if (status === 204 || status === 304) return "";
  const length = headers.get("content-length");
  const coding = headers.get("transfer-encoding");
  if (coding !== null && coding.toLowerCase() !== "chunked") {
    throw new Error(`the answer has the transfer coding ${JSON.stringify(coding)}`);
  }
  if (coding !== null) {
    for (let size = await readChunkSize(source); size > 0; size = await readChunkSize(source)) {
      if (!await take(size)) throw new Error("the answer ended within a chunk");
      if (room === 0) break;
      if (await source.readLine(3) !== "") throw new Error("a chunk is longer than it said");
    }
  } else if (length === null) {
    await take(Infinity);
  } else {
    if (!/^\d{1,15}$/.test(length)) throw new Error("the answer has no length that can be read");
    if (!await take(Number(length))) throw new Error("the answer ended before its length");
  }
  return text + decoder.decode();
}

async function readChunkSize(source: ByteSource): Promise<number> {
  const size = /^([\da-f]{1,12})\s*(?:;|$)/i.exec(await source.readLine(SIZE_LINE_MAX_BYTES))?.[1];
  if (size === undefined) throw new Error("the answer has a chunk without a size");
  return parseInt(size, 16);
}

/** Bytes as they come, by the line or by the piece. */
class ByteSource {
  readonly #read: ReadBytes;
  #rest: Uint8Array = new Uint8Array();

  constructor(read: ReadBytes) {
    this.#read = read;
  }

  /** Up to `max` bytes; null at the end. */
  async readSome(max: number): Promise<Uint8Array | null> {
    return await this.#fill() ? this.#take(max) : null;
  }

  /** A line without its end; one character a byte. Throws for one that is longer, or has no end. */
  async readLine(maxBytes: number): Promise<string> {
    let line = "";
    while (await this.#fill()) {
      const end = this.#rest.subarray(0, maxBytes - line.length).indexOf(LINE_END);
      const some = this.#take(end < 0 ? maxBytes - line.length : end + 1);
      line += LATIN1.decode(some);
      if (end >= 0) return line.replace(/\r?\n$/, "");
      if (line.length >= maxBytes) {
        throw new Error(`the answer has a line of over ${maxBytes} bytes`);
      }
    }
    throw new Error("the answer ended early");
  }

  /** False: there is no more. */
  async #fill(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const more = await this.#read();
      if (more === null) return false;
      this.#rest = more;
    }
    return true;
  }

  #take(max: number): Uint8Array {
    const some = this.#rest.subarray(0, max);
    this.#rest = this.#rest.subarray(some.length);
    return some;
  }
}
