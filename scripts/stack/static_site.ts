// Serves a folder of static files under a path of the gateway, as a careful static host would: the right
// types, caching by hashed names and ETags, compression, and headers that keep foreign code out.
import { createHash } from "node:crypto";

/** A folder, or what finds it at each request: it may be built anew in between. */
export type SiteSource = string | (() => Promise<string>);

interface StoredFile {
  /** Size and time of the file that was read. */
  version: string;
  etag: string;
  bytes: Uint8Array<ArrayBuffer>;
  /** Only where compression pays. */
  compressed?: Uint8Array<ArrayBuffer>;
}

const TYPES: Record<string, string> = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  ico: "image/x-icon",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
  map: "application/json",
  png: "image/png",
  svg: "image/svg+xml",
  txt: "text/plain; charset=utf-8",
  webmanifest: "application/manifest+json",
  woff2: "font/woff2",
};
const COMPRESSIBLE = /^(text\/|application\/|image\/svg)/;
const MIN_COMPRESSED_BYTES = 1024;
const HASHED_NAME = /-[A-Z0-9]{8}\./;

const SECURITY_HEADERS = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "font-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};

export class StaticSite {
  readonly #files = new Map<string, StoredFile>();

  /** `prefix` is the site's path without a slash at its end. */
  constructor(readonly prefix: string, readonly source: SiteSource) {}

  owns(path: string): boolean {
    return path === this.prefix || path.startsWith(`${this.prefix}/`);
  }

  async handle(request: Request, url: URL): Promise<Response> {
    const isRead = request.method === "GET" || request.method === "HEAD";
    if (!isRead) {
      return answerText(405, "Only GET and HEAD are answered here.", { allow: "GET, HEAD" });
    }
    // Relative addresses in the page need the slash.
    if (url.pathname === this.prefix) {
      const location = `${this.prefix}/${url.search}`;
      return answerText(308, `See ${location}`, { location });
    }
    let file: StoredFile | undefined;
    const name = readName(url.pathname.slice(this.prefix.length + 1));
    try {
      const folder = typeof this.source === "string" ? this.source : await this.source();
      file = name === undefined ? undefined : await this.#load(folder, name);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return answerText(500, `cannot serve ${this.prefix}: ${reason}`);
    }
    if (name === undefined || file === undefined) return answerText(404, "There is no such file.");
    return answerFile(request, name, file);
  }

  async #load(folder: string, name: string): Promise<StoredFile | undefined> {
    const path = `${folder}/${name}`;
    const info = await statIfThere(path);
    if (info === undefined) return undefined;
    const version = `${info.size} ${info.mtime?.getTime()}`;
    const known = this.#files.get(path);
    if (known?.version === version) return known;
    const bytes = await Deno.readFile(path);
    const hash = createHash("sha256").update(bytes).digest("base64url").slice(0, 22);
    const isWorth = bytes.length >= MIN_COMPRESSED_BYTES && COMPRESSIBLE.test(findType(name));
    const file: StoredFile = {
      version,
      // Weak: the same for the compressed bytes.
      etag: `W/"${hash}"`,
      bytes,
      compressed: isWorth ? await compress(bytes) : undefined,
    };
    this.#files.set(path, file);
    return file;
  }
}

/**
 * Turns what follows the prefix into a file's name in the folder; undefined where no file may have it.
 * The URL's parser has resolved dots already, but not those that were encoded together with slashes.
 */
function readName(path: string): string | undefined {
  let segments: string[];
  try {
    segments = path.split("/").map(decodeURIComponent);
  } catch {
    return undefined;
  }
  if (segments.at(-1) === "") segments[segments.length - 1] = "index.html";
  // Hidden files are nobody's business either.
  const isForbidden = (segment: string) => /^\.|[/\\\0]|^$/.test(segment);
  return segments.some(isForbidden) ? undefined : segments.join("/");
}

function answerFile(request: Request, name: string, file: StoredFile): Response {
  const headers = new Headers({
    ...SECURITY_HEADERS,
    "content-type": findType(name),
    "cache-control": HASHED_NAME.test(name) ? "public, max-age=31536000, immutable" : "no-cache",
    etag: file.etag,
  });
  if (file.compressed !== undefined) headers.set("vary", "accept-encoding");
  if (hasEtag(request, file.etag)) return new Response(null, { status: 304, headers });
  let bytes = file.bytes;
  if (file.compressed !== undefined && acceptsGzip(request)) {
    headers.set("content-encoding", "gzip");
    bytes = file.compressed;
  }
  headers.set("content-length", String(bytes.length));
  return new Response(request.method === "HEAD" ? null : bytes, { headers });
}

function answerText(status: number, text: string, headers: Record<string, string> = {}): Response {
  return new Response(`${text}\n`, {
    status,
    headers: {
      ...SECURITY_HEADERS,
      "content-type": TYPES.txt,
      "cache-control": "no-cache",
      ...headers,
    },
  });
}

function findType(name: string): string {
  return TYPES[name.slice(name.lastIndexOf(".") + 1).toLowerCase()] ?? "application/octet-stream";
}

function hasEtag(request: Request, etag: string): boolean {
  const wanted = request.headers.get("if-none-match") ?? "";
  const strong = (tag: string) => tag.trim().replace(/^W\//, "");
  return wanted === "*" || wanted.split(",").map(strong).includes(strong(etag));
}

function acceptsGzip(request: Request): boolean {
  const accepted = request.headers.get("accept-encoding") ?? "";
  return /(^|[\s,])gzip(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.test(accepted);
}

async function compress(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function statIfThere(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    const info = await Deno.stat(path);
    return info.isFile ? info : undefined;
  } catch (error) {
    const isMissing = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory;
    if (isMissing) return undefined;
    throw error;
  }
}
