// The connection of this isolate: one supabase-js client with the project's secret key, used for the
// Data API (through Transport) and for Storage. No session is kept: every call is the service's own.
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { translateFailure } from "./errors.ts";
import { createRpc, type Rpc } from "./rpc.ts";
import type { Transport } from "./transport.ts";

/** A call that takes longer counts as a database that is away. */
export const DATABASE_TIMEOUT_MS = 20_000;

export type StorageApi = SupabaseClient["storage"];

export interface Connection {
  rpc: Rpc;
  storage: StorageApi;
}

/** Opens a connection to a project; nothing is sent before the first call. */
export function connect(url: string, secretKey: string): Connection {
  const client = createClient(url, secretKey, {
    auth: {
      persistSession: false,
      autoRefreshToken: false,
      detectSessionInUrl: false,
    },
    global: { fetch: fetchInTime },
  });
  return { rpc: createRpc(createTransport(client)), storage: client.storage };
}

function createTransport(client: SupabaseClient): Transport {
  return {
    async callFunction(name, args) {
      const { data, error, status } = await client.rpc(name, args);
      if (error === null) return data;
      const { code, message } = error;
      throw translateFailure(`calling ${name}`, {
        status,
        code: code ?? "",
        message,
      });
    },
  };
}

function fetchInTime(input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
  return fetch(input, {
    ...init,
    signal: AbortSignal.timeout(DATABASE_TIMEOUT_MS),
  });
}
