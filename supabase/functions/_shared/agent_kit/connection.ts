// The agent kit's own way to the database of the project that this function belongs to.
import { connect } from "../database/client.ts";
import { readProject } from "../database/project.ts";
import type { Rpc } from "../database/rpc.ts";

let rpc: Rpc | null = null;

/** One connection an isolate; nothing is sent before the first call. */
export function openDatabase(): Rpc {
  if (rpc === null) {
    const { url, secretKey } = readProject();
    rpc = connect(url, secretKey).rpc;
  }
  return rpc;
}
