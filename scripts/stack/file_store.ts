// Keeps the bytes of stored objects on disk, one file a version, so that a reader never sees half of
// a replaced file.
import { createHash } from "node:crypto";

export interface UploadedFile {
  bytes: Uint8Array;
  contentType: string;
  cacheControl: string;
}

export class FileStore {
  constructor(readonly folder: string) {}

  /** Writes a new version and returns the metadata that Storage keeps about it. */
  async write(version: string, file: UploadedFile): Promise<Record<string, unknown>> {
    await Deno.mkdir(this.folder, { recursive: true });
    await Deno.writeFile(`${this.folder}/${version}`, file.bytes, { createNew: true });
    return {
      eTag: `"${createHash("md5").update(file.bytes).digest("hex")}"`,
      size: file.bytes.length,
      mimetype: file.contentType,
      cacheControl: file.cacheControl,
      lastModified: new Date().toISOString(),
      contentLength: file.bytes.length,
      httpStatusCode: 200,
    };
  }

  read(version: string): Promise<Uint8Array<ArrayBuffer>> {
    return Deno.readFile(`${this.folder}/${version}`);
  }

  async remove(version: string): Promise<void> {
    try {
      await Deno.remove(`${this.folder}/${version}`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}
