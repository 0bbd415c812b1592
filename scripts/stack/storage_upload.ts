// Reads an uploaded file out of a request and holds it against its bucket's limits.
import { Buffer } from "node:buffer";
import type { UploadedFile } from "./file_store.ts";
import type { Bucket } from "./storage_buckets.ts";
import { invalidRequest, StorageError } from "./storage_error.ts";

/** supabase-js sends a Blob as a form and everything else as it is. */
export async function readUpload(request: Request): Promise<UploadedFile> {
  const contentType = request.headers.get("content-type") ?? "application/octet-stream";
  const cacheControl = request.headers.get("cache-control") ?? "no-cache";
  const bytes = new Uint8Array(await request.arrayBuffer());
  if (!contentType.startsWith("multipart/form-data")) return { bytes, contentType, cacheControl };
  const form = await parseForm(bytes, contentType);
  const file = [...form.values()].find((value) => value instanceof File);
  if (file === undefined) throw invalidRequest("The form has no file");
  const seconds = form.get("cacheControl");
  return {
    bytes: new Uint8Array(await file.arrayBuffer()),
    contentType: file.type === "" ? "application/octet-stream" : file.type,
    cacheControl: typeof seconds === "string" ? `max-age=${seconds}` : cacheControl,
  };
}

/** Throws where the bucket does not take such a file. */
export function checkUpload(bucket: Bucket, file: UploadedFile): void {
  if (bucket.file_size_limit !== null && file.bytes.length > bucket.file_size_limit) {
    const message = "The object exceeded the maximum allowed size";
    throw new StorageError(413, "Payload too large", "EntityTooLarge", message);
  }
  const type = file.contentType.split(";")[0].trim().toLowerCase();
  const allowed = bucket.allowed_mime_types ?? [];
  const isAllowed = allowed.length === 0 ||
    allowed.some((pattern) =>
      pattern === type || (pattern.endsWith("/*") && type.startsWith(pattern.slice(0, -1)))
    );
  if (!isAllowed) {
    const message = `mime type ${type} is not supported`;
    throw new StorageError(415, "invalid_mime_type", "InvalidMimeType", message);
  }
}

// supabase-js gives the file's part no name, and Deno's parser leaves nameless parts out.
function parseForm(bytes: Uint8Array, contentType: string): Promise<FormData> {
  const text = Buffer.from(bytes).toString("latin1");
  const named = text.replace(/(Content-Disposition: form-data; )name="";/i, '$1name="file";');
  const headers = { "content-type": contentType };
  return new Response(new Uint8Array(Buffer.from(named, "latin1")), { headers }).formData();
}
